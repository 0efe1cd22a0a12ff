"""What tools and faults do on the experiment model, beside the reference and the other simulator."""

from collections.abc import Callable, Sequence
from functools import partial

from sixgym.domain.splits import HELD_OUT_SEEDS
from sixgym.episodes.episode import BackendInfo
from sixgym.evaluate.fidelity.effects.cases import EffectCase, effect_cases
from sixgym.evaluate.fidelity.effects.runs import EffectJob, EffectPlayer, EffectRun, effect_jobs
from sixgym.evaluate.fidelity.experiment_model.lockstep import in_lockstep
from sixgym.evaluate.fidelity.store import RunStore
from sixgym.simulators.experiment_model.simulator import Answers, ExperimentModelSimulator

RUNS_AT_ONCE = 32


def held_out_effects(per_kind: int) -> tuple[EffectCase, ...]:
    """So many cases of every tool and fault, on held-out topology seeds."""
    return effect_cases(per_kind, HELD_OUT_SEEDS)


def missing_effects(
    cases: Sequence[EffectCase], network: BackendInfo, store: RunStore[EffectRun]
) -> list[EffectJob]:
    """Runs of these cases that are not stored."""
    return [job for job in effect_jobs(cases) if job.key(network.name) not in store]


def play_in_lockstep(
    jobs: Sequence[EffectJob],
    model: BackendInfo,
    interval_ms: int,
    answers: Answers,
    *,
    progress: Callable[[int], None],
) -> list[EffectRun]:
    """Runs on the experiment model, many at a time.

    Args:
        jobs: The runs.
        model: Its name and version.
        interval_ms: Length of its intervals.
        answers: What answers.
        progress: Called with the number of runs done since the last call.
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
    for start in range(0, len(jobs), RUNS_AT_ONCE):
        part = jobs[start : start + RUNS_AT_ONCE]
        runs += in_lockstep(answers, [partial(play, job) for job in part])
        progress(len(part))
    return runs
