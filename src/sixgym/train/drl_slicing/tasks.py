"""The tasks that the DRL-Slicing agent learns from and is compared on, all of training seeds."""

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

TASK_NUMBERS = 1_000_000
"""Task numbers are drawn below this bound: many times more than a recipe draws, so that tasks seldom
repeat."""

SEED_STEP = 1_000_003
"""Step between the network seeds of a task's episodes: a prime above all seeds that tasks are drawn with, so
no seed of a task comes again."""


@dataclass(frozen=True, slots=True)
class TrainingTasks:
    """Endless episodes over a few tasks.

    After the last task the first one follows again, with other traffic and fading. Drawing a new task would
    cost many times more than an episode.

    Attributes:
        tasks: The tasks.
    """

    tasks: tuple[Task, ...]

    def __post_init__(self) -> None:
        """Refuse tasks of held-out topology seeds."""
        if not self.tasks:
            raise ValueError("training needs at least one task")
        for task in self.tasks:
            require_split(task.scenario.topology_seed or 0, "training")

    @property
    def digest(self) -> str:
        """SHA-256 of the tasks' JSON: the tasks of a recipe depend on the version of the generator."""
        lines = "\n".join(task.model_dump_json() for task in self.tasks)
        return hashlib.sha256(lines.encode()).hexdigest()

    def episode(self, number: int) -> Task:
        """The task of an episode by number, from 0."""
        visit, index = divmod(number, len(self.tasks))
        task = self.tasks[index]
        return task.model_copy(update={"seed": task.seed + SEED_STEP * visit})


def draw_tasks(
    recipe: DrlSlicingRecipe, store: Path, on_task: Callable[[], None] | None = None
) -> tuple[Task, ...]:
    """The tasks of a recipe, in order; tasks in the store are not drawn again.

    A task that asks for an answer or for an entry in a UAV's ledger is skipped: no PRB share provides these.

    Args:
        recipe: The recipe, with domains, tiers and the number of tasks.
        store: A file of JSON lines; every task is appended when it is drawn.
        on_task: Called after every task, for live views.

    Raises:
        RecipeError: the store holds other records than tasks.
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
    """The tasks to learn from, and the tasks of held-back seeds.

    Raises:
        RecipeError: no task is left to learn from, or fewer than two are held back.
    """
    held = tuple(task for task in tasks if task.scenario.topology_seed in recipe.held_back)
    learned = tuple(task for task in tasks if task.scenario.topology_seed not in recipe.held_back)
    if not learned or len(held) < 2:
        raise RecipeError(
            f"tasks: {len(learned)} of {len(tasks)} tasks are left to learn from, and {len(held)} are held "
            "back, but at least 1 and 2 are needed; ask for more tasks"
        )
    return learned, held


def _draw(recipe: DrlSlicingRecipe, rng: random.Random) -> Task:
    while True:
        domain, tier = rng.choice(recipe.domains), rng.choice(recipe.tiers)
        try:
            task = draw_task(domain, tier, rng.randrange(TASK_NUMBERS), split="training").task
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
