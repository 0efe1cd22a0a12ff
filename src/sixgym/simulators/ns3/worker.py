"""The ns-3 program without a C++ compiler: cling compiles the same headers in memory.

Run it as `python worker.py WHEEL_ROOT CPP_DIRECTORY`, in a directory without copies of ns-3. The process
speaks the line protocol of the compiled program on standard input and output.
"""

import ctypes
import importlib
import os
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    """Compile, then answer lines until standard input ends."""
    wheel, cpp = Path(sys.argv[1]), Path(sys.argv[2])
    # libraries loaded by Python may write to standard output; replies must be alone there
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # loaded with global symbols, the core library does not upset cling's autoloader
    ctypes.CDLL(str(next(wheel.glob("lib64/libns*-core.so"))), ctypes.RTLD_GLOBAL)
    # neither has type information; the bindings load all libraries and set up the interpreter
    importlib.import_module("ns")
    cppyy: Any = importlib.import_module("cppyy")
    cppyy.add_include_path(str(cpp))
    cppyy.include("session/lifeline.h")
    cppyy.include("session/session.h")
    cppyy.gbl.sixgym.EndWithInput()
    session = cppyy.gbl.sixgym.Session()
    for line in sys.stdin:
        reply = str(session.Handle(line.rstrip("\n")))
        if reply:
            replies.write(reply + "\n")
            replies.flush()
        if session.Finished():
            return


if __name__ == "__main__":
    main()
