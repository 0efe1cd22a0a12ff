"""Effects of tools and faults on the experiment model."""

from collections.abc import Callable, Sequence
from functools import partial

from sixgym.domain.splits import HELD_OUT_SEEDS
from sixgym.episodes.episode import BackendInfo
from sixgym.evaluate.fidelity.effects.cases import EffectCase, effect_cases
from sixgym.evaluate.fidelity.effects.runs import EffectJob, EffectPlayer, EffectRun, effect_jobs
from sixgym.evaluate.fidelity.experiment_model.lockstep import in_lockstep
from sixgym.evaluate.fidelity.store import RunStore
from sixgym.simulators.experiment_model.simulator import Answers, ExperimentModelSimulator

RUNS_PER_BATCH = 32
"""Runs in lockstep."""


def held_out_effects(per_kind: int) -> tuple[EffectCase, ...]:
    """Cases of every tool and fault, on held-out topology seeds."""
    return effect_cases(per_kind, HELD_OUT_SEEDS)


def missing_effects(
    cases: Sequence[EffectCase], network: BackendInfo, store: RunStore[EffectRun]
) -> list[EffectJob]:
    """The runs of cases that are not stored."""
    return [job for job in effect_jobs(cases) if job.key(network.name) not in store]


def play_in_lockstep(
    jobs: Sequence[EffectJob],
    model: BackendInfo,
    interval_ms: int,
    answers: Answers,
    *,
    progress: Callable[[int], None],
) -> list[EffectRun]:
    """Runs on the experiment model, `RUNS_PER_BATCH` at a time.

    Args:
        jobs: The runs.
        model: Name and version of the model.
        interval_ms: Length of the model's intervals, in ms.
        answers: Answers questions.
        progress: Called with the number of runs made since the last call.
    """

    def play(job: EffectJob, ask: Answers) -> EffectRun:
        make = partial(
            ExperimentModelSimulator,
            ask,
            name=model.name,
            version=model.version,
            interval_ms=interval_ms,
            sampled=False,
        )
        return EffectPlayer(make).do(job)

    runs: list[EffectRun] = []
    for start in range(0, len(jobs), RUNS_PER_BATCH):
        part = jobs[start : start + RUNS_PER_BATCH]
        runs += in_lockstep(answers, [partial(play, job) for job in part])
        progress(len(part))
    return runs
