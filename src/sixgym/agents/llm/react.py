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
    """An agent that shows a model the whole conversation and takes the reply as its next turn.

    Attributes:
        model: The language model.
        sampling: How replies are drawn.
        style: How the model calls tools.
        notes: The agent's notes on earlier attempts at the same task.
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
        return self.act_as(self.name, observation)

    def act_as(self, author: str, observation: Observation) -> Turn:
        """The same under another name, for an agent that is built around this one.

        Args:
            author: Name of the agent, for the record.
            observation: What the agent knows.

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
        return self._ask(author, talk.messages, new)

    def _ask(self, author: str, messages: Sequence[Message], new: tuple[Message, ...]) -> Turn:
        """The turn of the model's reply to a conversation, with `new` messages that no turn has recorded."""
        completion = self.model.complete(messages, tool_specs(self.style), self.sampling)
        turn = turn_of(completion, self.style)
        reply = message_of(completion, self.style, author)
        return turn.model_copy(update={"messages": (*new, reply), "usage": completion.usage})
