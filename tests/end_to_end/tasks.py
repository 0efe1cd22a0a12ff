"""Tasks for the tests of the whole loop."""

from sixgym.episodes.episode import Task

DEMO_SEED = 7
"""The seed of `make demo`."""


def short(task: Task, horizon: int = 6) -> Task:
    """The task, cut to so many intervals and judged by the last two."""
    goal = task.goal.model_copy(update={"window": 2})
    return task.model_copy(update={"horizon": horizon, "max_steps": horizon - 1, "goal": goal})
