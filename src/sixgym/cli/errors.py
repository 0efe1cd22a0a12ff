"""How a command ends when it cannot go on: a message for a person and an exit status."""

from collections.abc import Generator
from contextlib import contextmanager

import typer

WORK_FAILED, WRONG_USE, INTERRUPTED = 1, 2, 130


class CommandError(Exception):
    """A command ends with this message on standard error and this exit status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


@contextmanager
def reporting() -> Generator[None]:
    """Turn a failure into its message and status, and Ctrl-C into 130 (128 + SIGINT)."""
    try:
        yield
    except CommandError as failure:
        typer.echo(f"sixgym: {failure}", err=True)
        raise typer.Exit(failure.status) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def wrong_use_on(*errors: type[Exception]) -> Generator[None]:
    """These exceptions are the user's to mend: exit status 2 with their message."""
    try:
        yield
    except errors as error:
        raise CommandError(str(error), WRONG_USE) from None
