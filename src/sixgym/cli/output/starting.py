"""A word to the user while a network takes long to start."""

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager

PATIENCE_S = 3.0
"""Both simulators start sooner once they are compiled; compiling takes ten times as long."""


@contextmanager
def saying_why_it_takes_long(network: str) -> Generator[None]:
    """Say on standard error that a first start compiles, if what is done here takes long."""
    notice = threading.Timer(PATIENCE_S, _say, (network,))
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()


def _say(network: str) -> None:
    # sys.stderr as it is now: rich puts what is written there above a status line
    sys.stderr.write(
        f"still starting {network}: the first time it is compiled, which takes about half a minute\n"
    )
