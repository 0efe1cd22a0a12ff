"""From an episode of the benchmark to its row of results."""

from sixgym.episodes.episode import Episode
from sixgym.scoring.goals import judge
from sixgym.scoring.result import Result
from sixgym.tasks.record import BenchTask


def grade(task: BenchTask, trial: int, episode: Episode) -> Result:
    """Judge an episode of a task from what it recorded; a stored one gives the same row again.

    Where our side broke, no verdict is read out of what there is: it is no success and no violation.
    """
    verdict = judge(episode) if episode.infrastructure_failure is None else None
    usages = [step.turn.usage for step in episode.steps if step.turn.usage is not None]
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
        tokens=sum(usage.prompt_tokens + usage.completion_tokens for usage in usages) if usages else None,
        agent_s=sum(step.agent_s for step in episode.steps),
        world_s=sum(step.world_s for step in episode.steps),
    )
