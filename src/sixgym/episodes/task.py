"""Making a task from a scenario and one of its intents."""

from sixgym.domain.scenario import Scenario
from sixgym.episodes.episode import Task


def make_task(
    scenario: Scenario, *, seed: int, intent_id: str | None = None, words: str | None = None
) -> Task:
    """The task of an intent in a scenario, placed by topology seed `seed` and run with seed `seed`.

    Args:
        scenario: Placed or not; a scenario that is placed already keeps its places.
        seed: Topology seed, and seed of traffic, fading and errors.
        intent_id: Id of one of the scenario's tasks; the first one by default.
        words: The intent in other words; goal and service level stay.

    Raises:
        ValueError: the scenario offers no such task.
    """
    known = {template.id: template for template in scenario.tasks}
    if not known:
        raise ValueError(f"scenario {scenario.name} offers no tasks; add a `tasks:` section to its file")
    template = known.get(intent_id) if intent_id else scenario.tasks[0]
    if template is None:
        raise ValueError(f"scenario {scenario.name} has no task {intent_id!r}; it has {', '.join(known)}")
    placed = scenario if scenario.is_placed else scenario.placed(seed)
    return Task(
        id=f"{scenario.name}/{template.id}",
        intent=words or template.intent,
        scenario=placed,
        seed=seed,
        sla=template.sla,
        goal=template.goal,
        max_steps=template.max_steps,
        horizon=template.horizon,
    )
