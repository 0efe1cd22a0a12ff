"""Episodes of a server: every episode is stored, and its verdict goes to standard error."""

from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import typer

from sixgym.cli.errors import CommandError
from sixgym.cli.storing import store
from sixgym.episodes.episode import Episode
from sixgym.scoring.goals import judge


def keep(folder: Path, episode: Episode) -> None:
    """Store an episode and print its verdict on standard error, which the operator reads and no client."""
    try:
        path = store(folder, episode)
    except CommandError as error:
        typer.echo(f"sixgym: {error}", err=True)
        return
    if episode.infrastructure_failure is not None:
        verdict = f"not judged: {episode.infrastructure_failure}"
    else:
        verdict = "service level met" if judge(episode).success else "service level violated"
    typer.echo(f"{episode.agent}: {len(episode.steps)} calls, {verdict}; episode {path}", err=True)


@contextmanager
def safeguarded(folder: Path, episode: Episode) -> Generator[None]:
    """Keep an unfinished episode stored until the finished episode replaces it."""
    try:
        path = store(folder, episode)
    except CommandError as error:
        typer.echo(f"sixgym: {error}", err=True)
        yield
        return
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
            path.with_suffix(".parquet").unlink()
