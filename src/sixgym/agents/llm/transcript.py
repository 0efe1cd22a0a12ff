"""An episode as a conversation: the recorded one, or the one that a language model would have had."""

from collections.abc import Sequence

from sixgym.agents.llm.prompt import CallStyle, conversation, said, too_late
from sixgym.envs.observation import Exchange, observe
from sixgym.episodes.episode import Episode
from sixgym.episodes.messages import Message

MEMORY = 3
"""Number of notes on earlier attempts that an agent is shown."""


def transcript(episode: Episode, style: CallStyle) -> list[Message]:
    """Every message of an attempt, the agent's last message included.

    The attempt of a language model gives its recorded messages. The attempt of another agent gives the
    messages that a language model would have read and written to do the same, with the agent as their author:
    models are trained on the form that they will be shown.

    Args:
        episode: One that began: it has a state before the first step.
        style: How tools are called, where no messages were recorded.

    Raises:
        ValueError: the network of the episode never started.
    """
    if episode.initial is None:
        raise ValueError(f"episode {episode.id} never started: it has no conversation")
    history = [Exchange(step.turn, step.outcome, step.after) for step in episode.steps]
    last = episode.closing[:1]
    messages = [message for exchange in history for message in exchange.turn.messages]
    recorded = any(turn.messages for turn in (*(exchange.turn for exchange in history), *last))
    if not recorded:
        observation = observe(episode.task, episode.initial, history)
        messages = conversation(observation, style, notes_of(episode.earlier)).messages
    for turn in last:
        words = said(turn, style, len(episode.steps))
        messages += turn.messages or ([] if words is None else [words])
        messages += too_late(() if words is None else words.calls)
    return messages if recorded else [_written_by(episode.agent, message) for message in messages]


def _written_by(agent: str, message: Message) -> Message:
    return message.model_copy(update={"author": agent}) if message.role == "assistant" else message


def notes_of(attempts: Sequence[Episode]) -> tuple[str, ...]:
    """An agent's notes on its last failed attempts, oldest first."""
    notes = [attempt.closing[-1].answer for attempt in attempts if attempt.closing]
    return tuple(note for note in notes if note is not None)[-MEMORY:]
