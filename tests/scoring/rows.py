"""Results for tests of metrics."""

from collections.abc import Sequence

from sixgym.scoring.result import Result


def row(
    task: str = "t-1",
    *,
    success: bool = True,
    trial: int = 0,
    tier: str = "L1",
    domain: str = "uav-control",
    agent: str = "someone",
    calls: int = 2,
    refused: int = 0,
    reference_calls: int = 2,
    violations: int = 0,
    broken: bool = False,
    tokens: int | None = None,
    grader: int = 1,
) -> Result:
    """A result with the given fields and defaults for the others."""
    return Result(
        task=task,
        tier=tier,
        domain=domain,
        trial=trial,
        agent=agent,
        network="none",
        success=success and not broken,
        infrastructure_failure="the simulator died" if broken else None,
        calls=calls,
        refused=refused,
        reference_calls=reference_calls,
        violations=violations,
        tokens=tokens,
        agent_s=1.5,
        world_s=0.5,
        grader=grader,
    )


def tried(outcomes: Sequence[Sequence[bool]], *, agent: str = "someone") -> list[Result]:
    """A result for each trial; `outcomes[task][trial]` is its success."""
    return [
        row(f"t-{task}", trial=trial, success=success, agent=agent)
        for task, trials in enumerate(outcomes)
        for trial, success in enumerate(trials)
    ]
