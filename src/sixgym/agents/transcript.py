"""An episode as the conversation that it was, or would have been with a language model."""

from collections.abc import Sequence

from sixgym.agents.prompt import CallStyle, conversation, said, too_late
from sixgym.envs.observation import Exchange, observe
from sixgym.episodes.episode import Episode
from sixgym.episodes.messages import Message


def transcript(episode: Episode, style: CallStyle, lessons: Sequence[str] = ()) -> list[Message]:
    """Every message of an episode, the agent's last words included.

    Where an agent was no language model, this is what one would have been told, and would have said to do
    the same: what models are trained on is what they will be shown.

    Args:
        episode: One that began: it has a state before the first step.
        style: How tools are called.
        lessons: What the agent had noted in earlier attempts.

    Raises:
        ValueError: the network of the episode never started.
    """
    if episode.initial is None:
        raise ValueError(f"episode {episode.id} never started: there is nothing to tell")
    history = [Exchange(step.turn, step.outcome, step.after) for step in episode.steps]
    talk = conversation(observe(episode.task, episode.initial, history), style, lessons)
    for turn in episode.closing[:1]:
        words = said(turn, style, len(episode.steps))
        if words is not None:
            talk.messages += [words, *too_late(words.calls)]
    return talk.messages
