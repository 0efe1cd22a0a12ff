"""Where commands write: the folder of `--out`, and the two files of an episode in it."""

from pathlib import Path

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError
from sixgym.cli.output import text as words
from sixgym.episodes.episode import Episode
from sixgym.episodes.store import append_episode, write_parquet


def writable(folder: Path) -> Path:
    """The folder of `--out`, created if it is missing.

    Raises:
        CommandError: the user may not write there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".sixgym-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise CommandError(f"--out {folder}: cannot write there: {error.strerror}", WRONG_USE) from None
    return folder


def store(folder: Path, episode: Episode) -> Path:
    """Write an episode as JSON lines and as Parquet.

    Returns:
        The path of the JSON lines; the Parquet file differs in its suffix.

    Raises:
        CommandError: a file cannot be written.
    """
    path = folder / f"{words.file_name(episode.id)}.jsonl"
    try:
        append_episode(path, episode)
        write_parquet(path.with_suffix(".parquet"), [episode])
    except OSError as error:
        raise CommandError(
            f"{path}: the episode could not be stored: {error.strerror}", WORK_FAILED
        ) from None
    return path
