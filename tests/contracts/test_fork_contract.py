"""`tti` and the experiment model keep the contract of simulators that fork; ns-3 says that it does not."""

from collections.abc import Sequence

from sixgym.simulators.base import ForkableSimulator
from sixgym.simulators.experiment_model.encode.answers import Question
from sixgym.simulators.experiment_model.simulator import ExperimentModelSimulator
from sixgym.simulators.ns3 import Ns3Simulator
from sixgym.simulators.tti import TtiSimulator
from sixgym.testing import ForkContract


def drawn_words(asked: Sequence[Question], quantiles: Sequence[Sequence[float]]) -> Sequence[dict[str, str]]:
    """Answers whose words depend on the quantiles and on the question, as those of a language model do."""
    return [
        {
            blank.name: blank.words[int(level * len(blank.words))]
            for blank, level in zip(question.blanks, levels, strict=True)
        }
        for question, levels in zip(asked, quantiles, strict=True)
    ]


class TestTtiForks(ForkContract):
    make = TtiSimulator


class TestExperimentModelForks(ForkContract):
    def make(self) -> ExperimentModelSimulator:
        return ExperimentModelSimulator(
            drawn_words, name="experiment-model", version="test", interval_ms=100, sampled=True
        )


def test_ns3_does_not_fork() -> None:
    assert not isinstance(Ns3Simulator(), ForkableSimulator)
