"""A child process that answers lines with lines."""

import contextlib
import os
import selectors
import signal
import subprocess
import tempfile
import time
from collections.abc import Sequence

from sixgym.simulators.base import SimulatorError

_STDERR_TAIL_BYTES = 2_000  # enough for the message of a fatal ns-3 error
_CHUNK_BYTES = 1 << 16  # capacity of a Linux pipe
# ns-3 allocates and frees small objects all the time: a larger cache per thread saves 7 % of CPU time
_MALLOC_TUNABLES = "glibc.malloc.tcache_count=65535"


class LineProcess:
    """Runs a command in an empty temporary directory and talks to it in lines.

    The child ends when its standard input does, so it does not outlive this process.
    """

    def __init__(self, command: Sequence[str]) -> None:
        # the wheel's loader searches the working directory for other copies of ns-3
        self._directory = tempfile.TemporaryDirectory(prefix="sixgym-ns3-")
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the child
        self._unread = b""
        self._freed = False
        self._to_child, child_in = _pipe(keep="write")
        self._from_child, child_out = _pipe(keep="read")
        try:
            self._child = subprocess.Popen(
                command,
                stdin=child_in,
                stdout=child_out,
                stderr=self._stderr,
                cwd=self._directory.name,
                env=_environment(),
                start_new_session=True,  # an interrupt from the keyboard is for the parent
            )
        except OSError as error:
            self._free()
            raise SimulatorError(f"cannot start {command[0]}: {error}") from error
        finally:
            os.close(child_in)
            os.close(child_out)

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._child.pid

    def ask(self, lines: Sequence[str], timeout_s: float) -> bytes:
        """Send lines that together get one reply, and return it.

        Raises:
            SimulatorError: the child died or did not answer in time. It is gone afterwards.
        """
        deadline = time.monotonic() + timeout_s
        unsent = "".join(f"{line}\n" for line in lines).encode()
        try:
            while unsent:
                self._wait(self._to_child, selectors.EVENT_WRITE, deadline)
                unsent = unsent[os.write(self._to_child, unsent[:_CHUNK_BYTES]) :]
            while b"\n" not in self._unread:
                self._wait(self._from_child, selectors.EVENT_READ, deadline)
                chunk = os.read(self._from_child, _CHUNK_BYTES)
                if not chunk:
                    raise BrokenPipeError
                self._unread += chunk
        except BrokenPipeError:
            raise self._broken(self._how_it_ended()) from None
        except TimeoutError:
            raise self._broken(f"did not answer within {timeout_s:g} s") from None
        except BaseException:
            self.close()  # a late answer would be taken for the answer to the next line
            raise
        line, _, rest = self._unread.partition(b"\n")
        self._unread = b""
        if rest:
            raise self._broken("answered more than it was asked")
        return line

    def close(self) -> None:
        """Kill the child. The child holds nothing that has to be saved."""
        if self._freed:
            return
        self._freed = True
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        self._free()

    @staticmethod
    def _wait(descriptor: int, event: int, deadline: float) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(descriptor, event)
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError

    def _how_it_ended(self) -> str:
        status = self._child.wait()
        if status < 0:
            return f"was killed by {signal.Signals(-status).name}"
        return f"ended with exit status {status}"

    def _broken(self, how: str) -> SimulatorError:
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - _STDERR_TAIL_BYTES))
        words = self._stderr.read().decode(errors="replace").strip()
        self.close()
        return SimulatorError(
            f"the ns-3 process {how}" + (f"; the end of its error output:\n{words}" if words else "")
        )

    def _free(self) -> None:
        with contextlib.ExitStack() as stack:
            stack.callback(self._directory.cleanup)
            stack.callback(self._stderr.close)
            stack.callback(os.close, self._to_child)
            stack.callback(os.close, self._from_child)


def _environment() -> dict[str, str]:
    """This process's environment without the variables NS_…, which change ns-3's defaults."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NS_")}
    return {"GLIBC_TUNABLES": _MALLOC_TUNABLES, **kept}


def _pipe(keep: str) -> tuple[int, int]:
    """Both ends of a pipe: first the one that stays here, not blocking, then the one for the child."""
    read, write = os.pipe()
    ours, theirs = (read, write) if keep == "read" else (write, read)
    os.set_blocking(ours, False)
    return ours, theirs
