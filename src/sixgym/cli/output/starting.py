"""A message to the user while a network takes long to start."""

import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager

PATIENCE_S = 3.0
"""Seconds before the message. A compiled simulator starts sooner; compilation takes ten times as long."""


@contextmanager
def saying_why_it_takes_long(network: str) -> Generator[None]:
    """Print on standard error that a first start compiles, if the start inside the context takes long."""
    notice = threading.Timer(PATIENCE_S, _say, (network,))
    notice.daemon = True
    notice.start()
    try:
        yield
    finally:
        notice.cancel()


def _say(network: str) -> None:
    # sys.stderr of this moment: rich replaces it, and prints what is written there above its status line
    sys.stderr.write(
        f"still starting {network}: the first time it is compiled, which takes about half a minute\n"
    )
