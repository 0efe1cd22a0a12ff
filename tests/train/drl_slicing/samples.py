"""A small training of the agent `drl-slicing`, on fluid networks and on tasks that need no drawing."""

from pathlib import Path

from sixgym.episodes.episode import Task
from sixgym.episodes.task import make_task
from sixgym.scenarios import load_scenario
from tests.repository import ROOT

RECIPE = ROOT / "recipes" / "agentgym" / "drl_slicing.yaml"
SMALL = (
    "network=fluid",
    "tasks=6",
    "ppo.iterations=3",
    "ppo.steps=64",
    "ppo.minibatch=32",
    "ppo.epochs=2",
    "ppo.hidden=[8, 8]",
)


def tasks(*seeds: int) -> tuple[Task, ...]:
    names = ("uav-inspection", "urban-slicing", "dense-degradation")
    return tuple(make_task(load_scenario(names[seed % 3]), seed=seed) for seed in seeds)


def store_tasks(out: Path) -> None:
    """Put six tasks into the folder of a training, half of them of held-back topology seeds."""
    out.mkdir(parents=True, exist_ok=True)
    lines = "".join(task.model_dump_json() + "\n" for task in tasks(1, 2, 3, 41, 42, 43))
    (out / "tasks.jsonl").write_text(lines, encoding="utf-8")
