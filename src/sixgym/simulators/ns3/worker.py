"""The ns-3 program without a C++ compiler: cling compiles the same header in memory.

Run as `python worker.py WHEEL_ROOT CPP_DIRECTORY`, in a directory without copies of ns-3. Speaks the
same line protocol on standard input and output as the compiled program.
"""

import ctypes
import os
import sys
from pathlib import Path


def main() -> None:
    """Compile, then answer lines until standard input ends."""
    wheel, cpp = Path(sys.argv[1]), Path(sys.argv[2])
    # libraries loaded by Python may write to standard output; replies must be alone there
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # loaded with global symbols, the core library does not upset cling's autoloader
    ctypes.CDLL(str(next(wheel.glob("lib64/libns*-core.so"))), ctypes.RTLD_GLOBAL)
    from ns import ns  # noqa: F401  # pyright: ignore

    import cppyy  # pyright: ignore

    cppyy.include(str(cpp / "session.h"))  # pyright: ignore
    session = cppyy.gbl.sixgym.Session()  # pyright: ignore
    for line in sys.stdin:
        reply = str(session.Handle(line.rstrip("\n")))  # pyright: ignore
        if reply:
            replies.write(reply + "\n")
            replies.flush()
        if session.Finished():  # pyright: ignore
            return


if __name__ == "__main__":
    main()
