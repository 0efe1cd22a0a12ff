"""The tasks that the DRL-Slicing agent learns from and is checked on: training seeds only."""

import hashlib
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sixgym.domain.splits import require_split
from sixgym.episodes.episode import Task
from sixgym.episodes.jsonl import RecordFileError, append_lines, read_records
from sixgym.tasks.build.generate import draw_task
from sixgym.tasks.parts.draft import UnsuitableError
from sixgym.train.drl_slicing.recipe import DrlSlicingRecipe
from sixgym.train.recipe import RecipeError

NUMBERS = 1_000_000
SEEDS_APART = 1_000_003


@dataclass(frozen=True, slots=True)
class TrainingTasks:
    """An endless row of episodes over a few tasks.

    Every time round, the same tasks have other traffic and fading: drawing a task costs many times what an
    episode does.
    """

    tasks: tuple[Task, ...]

    def __post_init__(self) -> None:
        """Refuse tasks of other topology seeds than those for training."""
        if not self.tasks:
            raise ValueError("there is no task to learn from")
        for task in self.tasks:
            require_split(task.scenario.topology_seed or 0, "training")

    @property
    def digest(self) -> str:
        """SHA-256 of the tasks' JSON: which tasks a recipe draws depends on the generator's version."""
        lines = "\n".join(task.model_dump_json() for task in self.tasks)
        return hashlib.sha256(lines.encode()).hexdigest()

    def episode(self, number: int) -> Task:
        """The task of the episode of that number, from 0."""
        visit, index = divmod(number, len(self.tasks))
        task = self.tasks[index]
        return task.model_copy(update={"seed": task.seed + SEEDS_APART * visit})


def draw_tasks(
    recipe: DrlSlicingRecipe, store: Path, on_task: Callable[[], None] | None = None
) -> tuple[Task, ...]:
    """The recipe's tasks, in order; those drawn before are read from the store.

    Tasks that want words or an entry in a UAV's books are passed over: no PRB share provides them.

    Args:
        recipe: Says which and how many.
        store: A file of JSON lines, made if it is not there; every task is appended when it is drawn.
        on_task: Called after every task, for live views.

    Raises:
        RecipeError: the store holds something else.
    """
    tasks = _stored(store)[: recipe.tasks]
    for number in range(recipe.tasks):
        if number == len(tasks):
            tasks.append(_draw(recipe, random.Random(f"{recipe.seed}/{number}")))
            append_lines(store, [tasks[-1].model_dump_json()])
        if on_task is not None:
            on_task()
    return tuple(tasks)


def split_tasks(recipe: DrlSlicingRecipe, tasks: Sequence[Task]) -> tuple[tuple[Task, ...], tuple[Task, ...]]:
    """Those to learn from, and those of held-back seeds.

    Raises:
        RecipeError: one of the two is empty.
    """
    held = tuple(task for task in tasks if task.scenario.topology_seed in recipe.held_back)
    learned = tuple(task for task in tasks if task.scenario.topology_seed not in recipe.held_back)
    if not learned or len(held) < 2:
        raise RecipeError(
            f"of {len(tasks)} tasks {len(learned)} are to learn from and {len(held)} held back, "
            "but one and two are needed: ask for more tasks"
        )
    return learned, held


def _draw(recipe: DrlSlicingRecipe, rng: random.Random) -> Task:
    while True:
        domain, tier = rng.choice(recipe.domains), rng.choice(recipe.tiers)
        try:
            task = draw_task(domain, tier, rng.randrange(NUMBERS), split="training").task
        except UnsuitableError:
            continue
        if task.goal.answer is None and not task.goal.duties:
            return task


def _stored(store: Path) -> list[Task]:
    if not store.exists():
        return []
    try:
        return list(read_records(store, Task))
    except RecordFileError as error:
        raise RecipeError(f"{error}; delete the file or take another --out") from None
