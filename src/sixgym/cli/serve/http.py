"""Servers over HTTP: where they listen, and the token of their clients."""

import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sixgym.cli.errors import WRONG_USE, CommandError

if TYPE_CHECKING:
    from types import FrameType

    from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"
TOKEN_VARIABLE = "SIXGYM_TOKEN"
SHORTEST_TOKEN = 16
GRACE_S = 2
"""Time that unfinished answers have when the server is told to stop, in seconds."""


def read_token(path: Path | None) -> str | None:
    """The token that clients have to send, or None if the operator sets no token.

    Args:
        path: File of `--token-file`; None takes the environment variable SIXGYM_TOKEN.

    Raises:
        CommandError: the token cannot be read, or could be guessed.
    """
    try:
        text = os.environ.get(TOKEN_VARIABLE) if path is None else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(
            f"--token-file {path}: cannot be read ({type(error).__name__})", WRONG_USE
        ) from None
    if text is None:
        return None
    token = text.strip()
    if len(token) < SHORTEST_TOKEN or not (token.isascii() and token.isprintable()) or " " in token:
        source = TOKEN_VARIABLE if path is None else f"--token-file {path}"
        raise CommandError(
            f"{source}: a token has at least {SHORTEST_TOKEN} characters, ASCII and no blanks; "
            "make one with: openssl rand -hex 32",
            WRONG_USE,
        )
    return token


def serve_app(app: "ASGIApp", what: str, host: str, port: int, path: str = "") -> None:
    """Serve an application over HTTP until the process is told to stop.

    Args:
        app: The application.
        what: Name of the application in the message to the operator.
        host: Address to listen at.
        port: Port to listen at; 0 takes a free port.
        path: Path of the application in its URL.

    Raises:
        CommandError: the address or the port cannot be used.
    """
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: "FrameType | None") -> None:
            """Stop once. A second signal is ignored, because a stop that is cut short would lose episodes."""
            if not self.should_exit:
                super().handle_exit(sig, frame)

    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family)
    except OSError as error:
        raise CommandError(f"cannot listen at {host} port {port}: {error.strerror}", WRONG_USE) from None
    config = uvicorn.Config(app, log_level="warning", access_log=False, timeout_graceful_shutdown=GRACE_S)
    name = f"[{host}]" if ":" in host else host
    typer.echo(f"serving {what} at http://{name}:{listener.getsockname()[1]}{path}", err=True)
    Server(config).run(sockets=[listener])
