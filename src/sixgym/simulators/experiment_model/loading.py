"""Checkpoints of the experiment model: the one that comes with the package, and those that users train."""

import atexit
import hashlib
import json
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, ValidationError

from sixgym.domain.base import Record, first_problem
from sixgym.domain.extras import install_command
from sixgym.models.chat import ModelUnusableError
from sixgym.models.local.batching import Batcher
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.experiment_model.encode.answers import Question
from sixgym.simulators.experiment_model.encode.words import words_digest
from sixgym.simulators.experiment_model.simulator import ExperimentModelSimulator

if TYPE_CHECKING:
    from sixgym.simulators.experiment_model.engine.inference import Engine

SHIPPED = Path(__file__).parent / "checkpoint"
CARD = "experiment_model.json"
MOST_NETWORKS_AT_ONCE = 64


class Card(Record):
    """What a checkpoint of the experiment model has learned, beside its weights.

    Attributes:
        interval_ms: Length of the intervals.
        network: Name and version of the network that it stands for.
        topology_seeds: Places that it has seen.
        episodes: Of the traces, those on places that were held back included.
        questions: That it has learned from.
        traces: SHA-256 of the manifest of those traces.
        words: Hash of the words that it was asked in.
        recipe: As it was carried out.
        command: What makes the same.
    """

    interval_ms: Annotated[int, Field(ge=10, le=60_000)]
    network: str
    topology_seeds: tuple[int, ...]
    episodes: int
    questions: int
    traces: str
    words: str
    recipe: dict[str, object]
    command: str
    sixgym_version: str


def open_simulator(folder: str | None, *, sampled: bool) -> ExperimentModelSimulator:
    """A simulator on a checkpoint; None is the one that comes with the package.

    Raises:
        SimulatorError: the checkpoint or the libraries are missing or unusable.
    """
    path = SHIPPED if folder is None else Path(folder)
    card = read_card(path)
    _require_libraries()
    name = "experiment-model-sampled" if sampled else "experiment-model"
    version = version_of(path)
    return ExperimentModelSimulator(
        _Answerer(path.resolve(), version),
        name=name if folder is None else f"{name}:{folder}",
        version=version,
        interval_ms=card.interval_ms,
        sampled=sampled,
    )


def read_card(folder: Path) -> Card:
    """What a folder holds.

    Raises:
        SimulatorError: no experiment model.
    """
    path = folder / CARD
    try:
        card = Card.model_validate_json(path.read_bytes())
    except OSError:
        raise SimulatorError(
            f"{folder} holds no experiment model ({CARD} cannot be read): name the folder `model` in what "
            "`sixgym train recipes/agentgym/experiment_model.yaml` has written"
        ) from None
    except ValidationError as error:
        raise SimulatorError(f"{path} is no card of an experiment model: {first_problem(error)}") from None
    if card.words != words_digest():
        raise SimulatorError(
            f"{folder} was trained by another version of sixgym ({card.sixgym_version}), which asked in "
            "other words: train it again"
        )
    return card


def version_of(folder: Path) -> str:
    """What a network on that checkpoint calls its version: hashes of the checkpoint and of our code."""
    return f"{identity(folder)}+{source_digest()}"


@lru_cache(maxsize=1)
def source_digest() -> str:
    """Hash of the code that asks and makes measurements of answers, 12 digits."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def identity(folder: Path) -> str:
    """SHA-256 over all files of a checkpoint, 16 digits: it is in every episode that the model has made."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file():
            digest.update(json.dumps([path.name, hashlib.sha256(path.read_bytes()).hexdigest()]).encode())
    return digest.hexdigest()[:16]


class _Answerer:
    """Hands questions to the engine of this process: those of several networks together.

    The engine is loaded with the first question, so that a simulator is made and copied cheaply.
    """

    def __init__(self, folder: Path, version: str) -> None:
        self._folder = folder
        self._version = version

    def __call__(
        self, asked: Sequence[Question], quantiles: Sequence[Sequence[float]]
    ) -> Sequence[dict[str, str]]:
        with _LOADING:
            batcher = _batcher(self._folder, self._version)
        return batcher.submit((tuple(asked), tuple(map(tuple, quantiles))))


_LOADING = threading.Lock()
"""transformers cannot load in several threads at once."""

Network = tuple[tuple[Question, ...], tuple[tuple[float, ...], ...]]


def load_engine(folder: Path) -> "Engine":
    """The language model of a checkpoint.

    Raises:
        SimulatorError: it cannot be used.
    """
    _require_libraries()
    from sixgym.models.local.checkpoint import load_causal
    from sixgym.simulators.experiment_model.engine.inference import Engine

    try:
        return Engine(*load_causal(folder, "auto"))
    except (ModelUnusableError, ValueError) as error:
        raise SimulatorError(str(error)) from None


@lru_cache(maxsize=2)
def _batcher(folder: Path, version: str) -> Batcher[Network, list[dict[str, str]]]:
    """What answers the questions of all networks of this process; a changed folder is loaded anew."""
    from sixgym.simulators.experiment_model.engine.inference import Asked

    engine = load_engine(folder)

    def work(networks: Sequence[Network]) -> list[list[dict[str, str]]]:
        asked = [
            Asked(*pair) for questions, levels in networks for pair in zip(questions, levels, strict=True)
        ]
        answers = engine.answer(asked)
        cuts = [len(questions) for questions, _ in networks]
        return [answers[sum(cuts[:i]) : sum(cuts[: i + 1])] for i in range(len(cuts))]

    batcher = Batcher(work, max_batch=MOST_NETWORKS_AT_ONCE, name="experiment-model")
    # a thread that computes while the interpreter goes down takes the process with it
    atexit.register(batcher.close)
    return batcher


def _require_libraries() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if missing:
        raise SimulatorError(f"the experiment model needs {' and '.join(missing)}: {install_command('hf')}")
