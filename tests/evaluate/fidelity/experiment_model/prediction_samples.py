"""Short traces on tti, and things that answer for a model."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sixgym.data.traces.collection import Collector
from sixgym.data.traces.exploration import tool_probabilities
from sixgym.data.traces.manifest import MANIFEST, Traces
from sixgym.episodes.episode import BackendInfo, Episode
from sixgym.evaluate.fidelity.experiment_model.figures import (
    ExperimentFigures,
    ExperimentSetting,
    experiment_figures,
    predict,
    prediction_batches,
)
from sixgym.evaluate.fidelity.experiment_model.held_out import ReplicatePair
from sixgym.simulators.experiment_model.encode.answers import Question
from sixgym.simulators.experiment_model.encode.words import words_digest
from sixgym.simulators.experiment_model.loading import CARD, Card
from sixgym.simulators.experiment_model.simulator import Answers
from sixgym.simulators.factory import make_simulator
from sixgym.train.experiment_model.examples import moments

SEEDS = (51, 52)
CASES = 12
Levels = Sequence[Sequence[float]]


def make_traces(folder: Path, episodes: int, *, network: str = "tti", **changes: object) -> Traces:
    """Explorations with replicates, as `sixgym traces` makes them."""
    simulator = make_simulator(network)
    manifest = Traces(
        network=BackendInfo(name=simulator.name, version=simulator.version),
        topology_seeds=SEEDS,
        episodes=episodes,
        replicates=2,
        probabilities=dict(tool_probabilities()),
        sixgym_version="0",
        command="none",
    ).model_copy(update=changes)
    simulator.close()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).write_text(manifest.model_dump_json())
    collector = Collector(network, SEEDS, folder)
    for job in manifest.jobs:
        assert collector.do(job) is None
    collector.close()
    return manifest


def save_card(folder: Path, **changes: object) -> Path:
    """A checkpoint without weights: a test gives the answers itself."""
    card = Card(
        interval_ms=500,
        network="none 0",
        topology_seeds=(1,),
        episodes=1,
        questions=1,
        traces="0" * 64,
        words=words_digest(),
        recipe={},
        command="none",
        sixgym_version="0",
    )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / CARD).write_text(card.model_copy(update=changes).model_dump_json())
    return folder


@dataclass
class Spread:
    """Answers with the word at that relative position among all allowed words: constant in the middle.

    Attributes:
        sizes: Questions that were asked together, call by call.
    """

    sizes: list[int] = field(default_factory=list[int])

    def __call__(self, asked: Sequence[Question], levels: Levels) -> list[dict[str, str]]:
        self.sizes.append(len(asked))
        return [
            {
                blank.name: blank.words[min(int(level * len(blank.words)), len(blank.words) - 1)]
                for blank, level in zip(question.blanks, row, strict=True)
            }
            for question, row in zip(asked, levels, strict=True)
        ]


class Knowing:
    """Knows what was recorded, and answers it whatever the quantile; else the middle."""

    def __init__(self, episodes: Sequence[Episode]) -> None:
        self._answers: dict[tuple[str, ...], Mapping[str, str]] = {}
        for episode in episodes:
            for moment in moments(episode):
                for question, answer in zip(moment.questions, moment.answers, strict=True):
                    self._answers[question.words] = answer
        self._other = Spread()

    def __call__(self, asked: Sequence[Question], levels: Levels) -> list[dict[str, str]]:
        return list(self._given(asked, levels))

    def _given(self, asked: Sequence[Question], levels: Levels) -> Iterator[dict[str, str]]:
        for question, row in zip(asked, levels, strict=True):
            known = self._answers.get(question.words)
            yield dict(known) if known is not None else self._other([question], [row])[0]


def measured(traces: Traces, pairs: Sequence[ReplicatePair], answers: Answers) -> ExperimentFigures:
    """The figures of a model that answers so."""
    info = BackendInfo(name="somebody", version="1")
    checked = ExperimentSetting(
        command="none",
        model=info,
        learned_from="nothing",
        beside=info,
        reference=traces.network,
        topology_seeds=(51, 52),
    )
    done = predict(
        prediction_batches(pairs, CASES), lambda: answers, "tti", workers=1, progress=lambda _: None
    )
    return experiment_figures(checked, traces, pairs, done, None)
