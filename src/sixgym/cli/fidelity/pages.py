"""Pages of `sixgym fidelity`: a Markdown file, and every figure of the page as JSON beside the file."""

from collections.abc import Generator, Iterable
from contextlib import contextmanager
from pathlib import Path

import typer

from sixgym.cli.errors import WRONG_USE, CommandError
from sixgym.domain.base import Record


@contextmanager
def writing_to(folder: Path) -> Generator[None]:
    """Create the folder of `--out` if it is missing; end the command if a file cannot be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise CommandError(f"--out {folder}: cannot write there: {error.strerror}", WRONG_USE) from None


def write_page(path: Path, text: str, figures: Record) -> None:
    """Write a page and, with the suffix .json, its figures."""
    path.write_text(text, encoding="utf-8")
    path.with_suffix(".json").write_text(figures.model_dump_json(indent=1) + "\n", encoding="utf-8")


def announce(path: Path, figures: Record, *, summary: Iterable[str] = (), as_json: bool) -> None:
    """Print the summary and the page's path; with `as_json` the figures are alone on standard output."""
    for line in summary:
        typer.echo(line, err=as_json)
    typer.echo(f"written: {path}, and its figures as .json", err=as_json)
    if as_json:
        typer.echo(figures.model_dump_json())
