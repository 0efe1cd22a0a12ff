"""Grading an episode of the benchmark: from the record to a row of results."""

from sixgym.episodes.episode import Episode
from sixgym.models.prices import Price
from sixgym.scoring.goals import judge
from sixgym.scoring.result import Result
from sixgym.tasks.record import BenchTask


def grade(task: BenchTask, trial: int, episode: Episode, price: Price | None = None) -> Result:
    """Judge an episode from its record; a stored episode gives the same row again.

    An episode with an infrastructure failure is not judged: it counts as no success and no violation.

    Args:
        task: The task of the episode.
        trial: Number of the trial, from 0.
        episode: The recorded episode.
        price: Price of the language model, if known.
    """
    verdict = judge(episode) if episode.infrastructure_failure is None else None
    usage = episode.usage
    return Result(
        task=task.task.id,
        tier=task.tier,
        domain=task.domain,
        trial=trial,
        agent=episode.agent,
        network=f"{episode.backend.name} {episode.backend.version}",
        success=verdict is not None and verdict.success,
        infrastructure_failure=episode.infrastructure_failure,
        calls=len(episode.steps),
        refused=sum(not step.outcome.ok for step in episode.steps),
        reference_calls=len(task.reference),
        violations=verdict.violations if verdict is not None else 0,
        tokens=None if usage is None else usage.prompt_tokens + usage.completion_tokens,
        cost_usd=None if usage is None or price is None else price.cost_usd(usage),
        agent_s=sum(step.agent_s for step in episode.steps),
        world_s=sum(step.world_s for step in episode.steps),
    )
