"""How a command ends when it cannot go on: a message for the user and an exit status."""

import signal
from collections.abc import Generator
from contextlib import contextmanager

import typer

WORK_FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130


class CommandError(Exception):
    """Ends a command with this message on standard error and this exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def reporting() -> Generator[None]:
    """Turn a `CommandError` into its message and exit status, and Ctrl-C into 130 (128 + SIGINT)."""
    try:
        yield
    except CommandError as failure:
        typer.echo(f"sixgym: {failure}", err=True)
        raise typer.Exit(failure.status) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def wrong_use_on(*errors: type[Exception]) -> Generator[None]:
    """End the command with exit status 2 and the error's message, for errors that the user can correct."""
    try:
        yield
    except errors as error:
        raise CommandError(str(error), WRONG_USE) from None


def interrupt_on_sigterm() -> None:
    """Treat SIGTERM, which process managers send, as Ctrl-C: the command keeps what is finished."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
