"""An episode as the conversation that it was, or would have been with a language model."""

from collections.abc import Sequence

from sixgym.agents.llm.prompt import CallStyle, conversation, said, too_late
from sixgym.envs.observation import Exchange, observe
from sixgym.episodes.episode import Episode
from sixgym.episodes.messages import Message

MEMORY = 3
"""Notes of earlier attempts that an agent is shown."""


def transcript(episode: Episode, style: CallStyle) -> list[Message]:
    """Every message of an attempt, the agent's last words included.

    Of a language model's attempt it is what was said, as it was recorded. Where an agent was none, it is what
    one would have been told, and would have said to do the same: what models are trained on is what they
    will be shown.

    Args:
        episode: One that began: it has a state before the first step.
        style: How tools are called, where nothing was recorded.

    Raises:
        ValueError: the network of the episode never started.
    """
    if episode.initial is None:
        raise ValueError(f"episode {episode.id} never started: there is nothing to tell")
    history = [Exchange(step.turn, step.outcome, step.after) for step in episode.steps]
    last = episode.closing[:1]
    messages = [message for exchange in history for message in exchange.turn.messages]
    if not any(turn.messages for turn in (*(exchange.turn for exchange in history), *last)):
        observation = observe(episode.task, episode.initial, history)
        messages = conversation(observation, style, notes_of(episode.earlier)).messages
    for turn in last:
        words = said(turn, style, len(episode.steps))
        messages += turn.messages or ([] if words is None else [words])
        messages += too_late(() if words is None else words.calls)
    return messages


def notes_of(attempts: Sequence[Episode]) -> tuple[str, ...]:
    """What an agent noted after its last failed attempts, oldest first."""
    notes = [attempt.closing[-1].answer for attempt in attempts if attempt.closing]
    return tuple(note for note in notes if note is not None)[-MEMORY:]
