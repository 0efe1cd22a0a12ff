"""The common part of all harnesses: an episode whose model is asked by another program, and its grade.

A harness is the loop of another program around models and tasks, such as an evaluation framework or a
trainer. Here the harness brings the model and takes the grade. The loop, the prompts and the parsing of
replies are those of `sixgym run`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any, TypeVar

import anyio
import anyio.to_thread

from sixgym.agents.llm.prompt import CallStyle, tool_specs
from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.llm.replies import message_of
from sixgym.episodes.episode import Episode
from sixgym.episodes.messages import Message
from sixgym.models.chat import Completion, Sampling
from sixgym.models.server.wire import completion, read_json, wire_message
from sixgym.run.build import make_environment
from sixgym.run.rollout import AgentLeftError, rollout
from sixgym.scoring.result import Result
from sixgym.tasks.grading import grade
from sixgym.tasks.record import BenchTask

ResultT = TypeVar("ResultT")

Ask = Callable[[Sequence[Message]], Awaitable[Completion]]
"""Shows a whole conversation to a model; the reply of the model."""


class BrokenEpisodeError(RuntimeError):
    """An episode broke on our side and has no grade. A harness has to count an error, not a failed task."""


def result_of(task: BenchTask, episode: Episode) -> Result:
    """The grade of an episode.

    Raises:
        BrokenEpisodeError: the episode is an infrastructure failure.
    """
    if episode.infrastructure_failure is not None:
        raise BrokenEpisodeError(episode.infrastructure_failure)
    return grade(task, 0, episode)


def scores(result: Result) -> dict[str, float]:
    """The numbers of a grade that harnesses show.

    Returns:
        `success`, 0 or 1; the numbers of `calls` and of `refused` calls; `violations`, the number of
        intervals in which a safety constraint did not hold.
    """
    return {
        "success": float(result.success),
        "calls": float(result.calls),
        "refused": float(result.refused),
        "violations": float(result.violations),
    }


@dataclass(frozen=True, slots=True)
class Player:
    """A model that a harness offers.

    Attributes:
        name: Name of the model, for the record.
        ask: Asks the model, with the tools of its style.
        is_limit: Whether an exception of `ask` is a limit of the harness. At a limit the model has done all
            that it may, and the episode is graded. Any other exception is an infrastructure failure.
            Cancellation is a limit of time.
        style: How the model calls tools.
    """

    name: str
    ask: Ask
    is_limit: Callable[[Exception], bool]
    style: CallStyle = "native"


class WireTalk:
    """A conversation with an endpoint of the chat completions API, which samples the replies.

    A reply of the model goes back as it came, unknown keys included. An endpoint that keeps the tokens of the
    model recognises its replies by them.
    """

    def __init__(self, model: str, style: CallStyle) -> None:
        """An empty conversation.

        Args:
            model: Name of the model at the endpoint.
            style: How it calls tools.
        """
        self._model = model
        self._style: CallStyle = style
        self._tools = tool_specs(style)
        self._sent: list[dict[str, Any]] = []

    def request(self, messages: Sequence[Message]) -> dict[str, Any]:
        """The body that asks for the next reply.

        Args:
            messages: The whole conversation, which continues after the last reply.
        """
        self._sent += map(wire_message, messages[len(self._sent) :])
        body: dict[str, Any] = {"model": self._model, "messages": list(self._sent)}
        return {**body, "tools": self._tools} if self._tools else body

    def reply(self, body: bytes) -> Completion:
        """The reply of the model.

        Raises:
            MalformedReplyError: the body is no chat completion.
        """
        data = read_json(body)
        done = completion(data, len(self._sent))
        message = wire_message(message_of(done, self._style))
        said = data["choices"][0]["message"] | message
        if "tool_calls" not in message:
            # where calls are text, no message answers these calls, and servers refuse such a conversation
            said.pop("tool_calls", None)
        self._sent.append(said)
        return done


async def play(task: BenchTask, network: str, player: Player, keep: Callable[[Episode], None]) -> None:
    """Let a model work on a task. The model is asked in the async task of the caller, for limits and logs.

    The episode may end by an answer, a spent budget, an exception of `ask`, or cancellation. In every case
    the network runs out and is freed before this function returns, which takes a few seconds at most.

    Args:
        task: The task.
        network: Name of the network, see `make_network`.
        player: The model. An exception of its `ask` ends the episode and reaches the caller.
        keep: Receives the episode, after an exception of `ask` as well.

    Raises:
        SimulatorError: the network cannot be made. A later failure is in the episode, see `result_of`.
        ValueError: there is no such network.
    """
    model = _DistantModel(player.name)
    thread = ThreadPoolExecutor(1, thread_name_prefix="sixgym-episode")
    agent = ReactAgent(model, style=player.style)
    episode = thread.submit(_episode, task, network, agent)
    episode.add_done_callback(model.hang_up)
    thread.shutdown(wait=False)
    failure: str | None = None
    try:
        while (messages := await _wait_for(model.requests.get)) is not None:
            model.replies.put(await player.ask(messages))
    except Exception as error:
        if not player.is_limit(error):
            # the type alone: the message of a provider may hold a key
            failure = f"the model could not be asked ({type(error).__name__})"
        raise
    finally:
        model.replies.put(None)
        with anyio.CancelScope(shield=True):
            await _wait_for(lambda: wait([episode]))
        keep(_failed(episode.result(), failure))


async def _wait_for(blocking: Callable[[], ResultT]) -> ResultT:
    # a limiter of its own: 40 episodes at once would use up the common limiter
    return await anyio.to_thread.run_sync(blocking, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1))


def _failed(episode: Episode, failure: str | None) -> Episode:
    return episode if failure is None else episode.model_copy(update={"infrastructure_failure": failure})


class _DistantModel:
    """The model in the thread of an episode. Another thread asks the real model.

    Attributes:
        name: Name of the model, for the record.
        requests: Conversations that need a reply; None after the last one.
        replies: Replies of the model; None if the model gives no further reply.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.requests: SimpleQueue[Sequence[Message] | None] = SimpleQueue()
        self.replies: SimpleQueue[Completion | None] = SimpleQueue()

    def complete(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], sampling: Sampling
    ) -> Completion:
        """The reply of the real model. The other thread knows tools and sampling."""
        self.requests.put(messages)
        reply = self.replies.get()
        if reply is None:
            raise AgentLeftError
        return reply

    def close(self) -> None:
        """Nothing to free."""

    def hang_up(self, _: Future[Episode]) -> None:
        """Send the end of the requests."""
        self.requests.put(None)


def _episode(task: BenchTask, network: str, agent: ReactAgent) -> Episode:
    with make_environment(network) as environment:
        return rollout(environment, agent, task.task)
