"""From an episode of the benchmark to its row of results."""

from sixgym.episodes.episode import Episode
from sixgym.models.prices import Price
from sixgym.scoring.goals import judge
from sixgym.scoring.result import Result
from sixgym.tasks.record import BenchTask


def grade(task: BenchTask, trial: int, episode: Episode, price: Price | None = None) -> Result:
    """Judge an episode of a task from what it recorded; a stored one gives the same row again.

    Args:
        task: What it is of.
        trial: Which attempt.
        episode: What was recorded.
        price: Of the language model, where it is known.

    Where our side broke, no verdict is read out of what there is: it is no success and no violation.
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
