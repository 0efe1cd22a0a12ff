"""Texts that are compared, and the files that they come from."""

import importlib.util
import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import cast

from sixgym.domain.base import Record
from sixgym.domain.extras import install_command
from sixgym.tasks.record import BenchTask

EXCERPT = 160
"""Characters of a text that a report shows."""

_WORD = re.compile(r"\w+")


class HoldoutError(ValueError):
    """The holdout cannot be checked. The message names the reason."""


class Text(Record):
    """An intent or another text for an agent.

    Attributes:
        id: Id of the task, or `FILE:LINE`.
        text: The text.
        seed: Topology seed of the network that the text is about; None if unknown.
    """

    id: str
    text: str
    seed: int | None = None


def benchmark_texts(tasks: Iterable[BenchTask]) -> list[Text]:
    """The intents of benchmark tasks."""
    return [
        Text(id=task.task.id, text=task.task.intent, seed=task.task.scenario.topology_seed) for task in tasks
    ]


def read_texts(path: Path) -> list[Text]:
    """The texts of a file: `.jsonl`, or `.txt` with one text a line. Empty lines are skipped.

    A JSON line is an object with `text`, or else `intent`, and if known the topology `seed`; other keys are
    ignored.

    Raises:
        HoldoutError: the file cannot be read, has another ending or no text, or a line is not such an object.
    """
    if path.suffix not in {".jsonl", ".txt"}:
        raise HoldoutError(f"{path}: not a .jsonl or a .txt file; convert the training texts to one of them")
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise HoldoutError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise HoldoutError(f"{path}: {error}") from None
    numbered = [(f"{path.name}:{number}", line.strip()) for number, line in enumerate(lines, 1)]
    make = _from_json if path.suffix == ".jsonl" else _plain
    if not (texts := [make(place, line) for place, line in numbered if line]):
        raise HoldoutError(f"{path}: no texts")
    return texts


def words(text: str) -> list[str]:
    """The lower-cased words and numbers of a text, without stemming; stop words are kept."""
    return _WORD.findall(text.lower())


def excerpt(text: str) -> str:
    """The beginning of a text on one line."""
    line = " ".join(text.split())
    return line if len(line) <= EXCERPT else line[: EXCERPT - 1] + "…"


def require(*modules: str) -> None:
    """Check for modules before the work begins.

    Raises:
        HoldoutError: a module is not installed.
    """
    if any(importlib.util.find_spec(module) is None for module in modules):
        raise HoldoutError(f"the check needs rapidfuzz and scikit-learn: {install_command('holdout')}")


def _plain(place: str, line: str) -> Text:
    return Text(id=place, text=line)


def _from_json(place: str, line: str) -> Text:
    try:
        entry: object = json.loads(line)
    except json.JSONDecodeError as error:
        raise HoldoutError(f"{place}: no JSON, {error}") from None
    if not isinstance(entry, dict):
        raise HoldoutError(f"{place}: not a JSON object")
    fields = cast("dict[str, object]", entry)
    text, seed = fields.get("text", fields.get("intent")), fields.get("seed")
    if not isinstance(text, str):
        raise HoldoutError(f"{place}: neither `text` nor `intent` is a string")
    if isinstance(seed, bool) or not isinstance(seed, int | None):
        raise HoldoutError(f"{place}: `seed` is not a whole number")
    return Text(id=place, text=text, seed=seed)
