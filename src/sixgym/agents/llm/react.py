"""A language model that reasons, acts and observes (ReAct, Yao et al. 2022; 6GAgentGym section IV-A1)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sixgym.agents.llm.prompt import CallStyle, conversation, tool_specs
from sixgym.agents.llm.replies import message_of, turn_of
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import ToolCall, Turn
from sixgym.episodes.messages import Message
from sixgym.models.chat import ChatModel, Sampling


@dataclass(frozen=True, slots=True)
class ReactAgent:
    """Shows a model the whole conversation and takes its reply as the next turn.

    Attributes:
        model: Who is asked.
        sampling: How its replies are drawn.
        style: How it calls tools.
        notes: What it noted in earlier attempts at the same task.
    """

    model: ChatModel
    sampling: Sampling = field(default_factory=Sampling)
    style: CallStyle = "native"
    notes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Name for the record."""
        return f"react/{self.model.name}"

    def act(self, observation: Observation) -> Turn:
        """The next call of the model's last reply, or else its next reply.

        Raises:
            ModelError: the model cannot be asked.
        """
        talk = conversation(observation, self.style, self.notes)
        known = sum(len(exchange.turn.messages) for exchange in observation.history)
        new = tuple(talk.messages[known:])
        if talk.pending:
            written = talk.pending[0]
            call = ToolCall(tool=written.tool, arguments=written.arguments)
            return Turn(thought="the next call of the same reply", call=call, messages=new)
        return ask(self.model, talk.messages, new, self.sampling, self.style)


def ask(
    model: ChatModel,
    messages: Sequence[Message],
    new: tuple[Message, ...],
    sampling: Sampling,
    style: CallStyle,
) -> Turn:
    """The turn that a model's reply to a conversation stands for, with a record of both.

    Args:
        model: Who is asked.
        messages: The whole conversation.
        new: Those of its messages that no turn before this one has recorded.
        sampling: How the reply is drawn.
        style: How tools are called.

    Raises:
        ModelError: the model cannot be asked.
    """
    completion = model.complete(messages, tool_specs(style), sampling)
    turn = turn_of(completion, style)
    return turn.model_copy(
        update={"messages": (*new, message_of(completion, style)), "usage": completion.usage}
    )
