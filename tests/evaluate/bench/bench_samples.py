"""Small tasks of the benchmark, and runs over them."""

import gzip
import hashlib
from collections.abc import Sequence
from pathlib import Path

from sixgym.domain.intent import Answer, Goal, Target
from sixgym.episodes.episode import BackendInfo, Episode, Task, ToolCall
from sixgym.episodes.task import make_task
from sixgym.evaluate.bench.store import RunManifest
from sixgym.scenarios import load_scenario
from sixgym.tasks.frozen import Manifest
from sixgym.tasks.record import DOMAINS, TIERS, BenchTask
from sixgym.tasks.selection import Selection

LOOK = ToolCall(tool="check_network_state", arguments={})
NUMBER = 42
HORIZON = 5


def sample_task(place: int) -> BenchTask:
    """A task whose goal is an answer that only the reference knows; tier and domain by its place."""
    made = make_task(load_scenario("uav-inspection"), seed=51 + place % 30)
    goal = Goal(
        answer=Answer(number=NUMBER),
        window=1,
        constraints=(Target(metric="breaches", condition="IS_LESS_THAN", value=1),),
    )
    changes = {"id": f"sample-{place:03d}", "goal": goal, "max_steps": 4, "horizon": HORIZON}
    return BenchTask(
        task=Task.model_validate({**dict(made), **changes}),
        tier=TIERS[place // len(DOMAINS) % len(TIERS)],
        domain=DOMAINS[place % len(DOMAINS)],
        parts=("asked",),
        split="held_out",
        reference=(LOOK,) * (1 + place % 3),
        reference_answer=f"answer: {NUMBER}",
    )


def sample_tasks(number: int) -> tuple[BenchTask, ...]:
    return tuple(sample_task(place) for place in range(number))


def write_tasks(path: Path, tasks: Sequence[BenchTask]) -> Path:
    """A set for `--tasks`."""
    lines = "".join(f"{task.model_dump_json()}\n" for task in tasks).encode()
    manifest = Manifest(
        name="samples",
        version="1",
        sha256=hashlib.sha256(lines).hexdigest(),
        tasks=len(tasks),
        tiers={},
        domains={},
        command="by hand",
    )
    path.write_text(manifest.model_dump_json())
    path.with_suffix(".jsonl.gz").write_bytes(gzip.compress(lines))
    return path


def manifest_of(tasks: Sequence[BenchTask], *, agent: str = "reference", trials: int = 1) -> RunManifest:
    return RunManifest(
        agent=agent,
        network=BackendInfo(name="fluid", version="test"),
        task_set="samples",
        task_set_version="1",
        task_set_sha256="0" * 64,
        selection=Selection(),
        tasks=tuple(task.task.id for task in tasks),
        trials=trials,
        sixgym_version="0",
        command="sixgym bench",
        started_at="2026-01-01T00:00:00+00:00",
    )


def empty_episode(task: BenchTask, *, agent: str = "null", answer: str | None = None) -> Episode:
    """An episode in which nothing was recorded."""
    return Episode(
        id=f"{task.task.id}-{agent}",
        task=task.task,
        scenario_digest=task.task.scenario.digest,
        agent=agent,
        backend=BackendInfo(name="fluid", version="test"),
        sixgym_version="0",
        started_at="2026-01-01T00:00:00+00:00",
        initial=None,
        initial_interval=None,
        steps=(),
        answer=answer,
        terminated=True,
        truncated=False,
    )
