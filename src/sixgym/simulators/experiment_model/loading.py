"""Checkpoints of the experiment model: the shipped one, and those that users train."""

import atexit
import hashlib
import json
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, ValidationError

from sixgym.domain import propagation, radio
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
"""Networks in one batch. 64 together run nine times as fast as ns-3, one alone five times as fast."""


class Card(Record):
    """The model card of a checkpoint: what it was trained on.

    Attributes:
        interval_ms: Length of the intervals.
        network: Name and version of the network that the model predicts.
        topology_seeds: Topology seeds of the training traces.
        episodes: Episodes of the traces, including those that were held out.
        questions: Questions that the model was trained on.
        traces: SHA-256 of the traces' manifest.
        words: Hash of the words of the questions and answers.
        recipe: The recipe, with all settings.
        command: Command that trains the same model.
        sixgym_version: Version that trained the model.
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
    """A simulator on a checkpoint; None is the shipped one.

    Raises:
        SimulatorError: the checkpoint or a library is missing or unusable.
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
    """The model card of a checkpoint.

    Raises:
        SimulatorError: the folder holds no experiment model, or one of another version.
    """
    path = folder / CARD
    try:
        card = Card.model_validate_json(path.read_bytes())
    except OSError:
        raise SimulatorError(
            f"{folder} holds no experiment model ({CARD} cannot be read): give the folder `model` that "
            "`sixgym train recipes/agentgym/experiment_model.yaml` has written"
        ) from None
    except ValidationError as error:
        raise SimulatorError(
            f"{path} is no card of an experiment model: {first_problem(error)}; train the model again"
        ) from None
    if card.words != words_digest():
        raise SimulatorError(
            f"{folder} was trained by another version of sixgym ({card.sixgym_version}), whose questions "
            "have other words: train it again"
        )
    return card


def version_of(folder: Path) -> str:
    """Version of a simulator on a checkpoint: hashes of the checkpoint and of the code."""
    return f"{identity(folder)}+{source_digest()}"


@lru_cache(maxsize=1)
def source_digest() -> str:
    """Hash of this package's code and of the radio map's, 12 hexadecimal digits."""
    digest = hashlib.sha256()
    own = sorted(Path(__file__).parent.rglob("*.py"))
    for path in (*own, Path(propagation.__file__), Path(radio.__file__)):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def identity(folder: Path) -> str:
    """SHA-256 over all files of a checkpoint, 16 digits. Episodes on the model record it."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.is_file():
            digest.update(json.dumps([path.name, hashlib.sha256(path.read_bytes()).hexdigest()]).encode())
    return digest.hexdigest()[:16]


class _Answerer:
    """Passes questions to the engine of this process, which answers those of several networks in one batch.

    The engine is loaded with the first question, so that making and copying a simulator is cheap.
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

_Request = tuple[tuple[Question, ...], tuple[tuple[float, ...], ...]]
"""Questions of one network, and the quantiles of their words."""


def load_engine(folder: Path) -> "Engine":
    """The engine on a checkpoint.

    Raises:
        SimulatorError: the checkpoint or a library is missing or unusable.
    """
    _require_libraries()
    from sixgym.models.local.checkpoint import load_causal
    from sixgym.simulators.experiment_model.engine.inference import Engine

    try:
        return Engine(*load_causal(folder, "auto"))
    except (ModelUnusableError, ValueError) as error:
        raise SimulatorError(str(error)) from None


@lru_cache(maxsize=2)
def _batcher(folder: Path, version: str) -> Batcher[_Request, list[dict[str, str]]]:
    """The batcher of all networks of this process. A folder whose files have changed is loaded anew."""
    from sixgym.simulators.experiment_model.engine.inference import Query

    engine = load_engine(folder)

    def work(networks: Sequence[_Request]) -> list[list[dict[str, str]]]:
        queries = [
            Query(*pair) for questions, levels in networks for pair in zip(questions, levels, strict=True)
        ]
        answers = engine.answer(queries)
        cuts = [len(questions) for questions, _ in networks]
        return [answers[sum(cuts[:i]) : sum(cuts[: i + 1])] for i in range(len(cuts))]

    batcher = Batcher(work, max_batch=MOST_NETWORKS_AT_ONCE, name="experiment-model")
    # a thread that still computes while the interpreter exits crashes the process
    atexit.register(batcher.close)
    return batcher


def _require_libraries() -> None:
    from importlib.util import find_spec

    missing = [name for name in ("torch", "transformers") if find_spec(name) is None]
    if missing:
        raise SimulatorError(f"the experiment model needs {' and '.join(missing)}: {install_command('hf')}")
