"""Tasks and a slower network, for replays that go wrong in a known way."""

import dataclasses
import os
import signal

from sixgym.domain.intent import Goal, Target
from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.scenario import Scenario
from sixgym.tasks.record import BenchTask
from tests.doubles import FluidSimulator
from tests.evaluate.bench.bench_samples import sample_task

BOUND_MS = 40.0


class SlowerFluid(FluidSimulator):
    """The fluid network with packets that take `BOUND_MS` longer."""

    name = "slower"
    version = "slower-1"

    def _flow(self, mbps: float, load: float, start: int) -> PacketFlow:
        flow = super()._flow(mbps, load, start)
        return dataclasses.replace(flow, latency_ms=flow.latency_ms + BOUND_MS)


class DyingSlower(SlowerFluid):
    """The slower network, whose process is killed at the start of the episode after `EPISODES`."""

    EPISODES = 4

    def __init__(self) -> None:
        super().__init__()
        self.episodes = 0

    def reset(self, scenario: Scenario, *, seed: int) -> Interval:
        self.episodes += 1
        if self.episodes > self.EPISODES:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().reset(scenario, seed=seed)


def mixed_task(place: int) -> BenchTask:
    """Even ones anybody meets on the fluid network and nobody on the slower; odd ones only who knows."""
    task = sample_task(place)
    if place % 2:
        return task
    target = Target(metric="latency_ms", group="robot", condition="IS_LESS_THAN", value=BOUND_MS)
    changed = task.task.model_copy(update={"goal": Goal(targets=(target,), window=2)})
    return task.model_copy(update={"task": changed})


def mixed_tasks(number: int) -> tuple[BenchTask, ...]:
    return tuple(mixed_task(place) for place in range(number))
