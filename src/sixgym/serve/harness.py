"""What all harnesses share: the tasks, an episode whose model is asked elsewhere, its grade.

A harness is somebody else's loop around models and tasks, such as an evaluation framework or a trainer. Here
it brings the model and takes the grade; the loop, the prompts and the reading of replies stay those of
`sixgym run`.
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
"""Shows a model a whole conversation and brings its reply."""


class BrokenEpisodeError(RuntimeError):
    """Our side broke, so there is no grade: a harness has to count it as an error, not as a failure."""


def result_of(task: BenchTask, episode: Episode) -> Result:
    """The grade of an episode.

    Raises:
        BrokenEpisodeError: it has none.
    """
    if episode.infrastructure_failure is not None:
        raise BrokenEpisodeError(episode.infrastructure_failure)
    return grade(task, 0, episode)


def scores(result: Result) -> dict[str, float]:
    """What harnesses show of a grade, as numbers.

    Returns:
        `success` 0 or 1; `calls` made and those of them that were `refused`; `violations`: intervals in which
        a safety constraint did not hold.
    """
    return {
        "success": float(result.success),
        "calls": float(result.calls),
        "refused": float(result.refused),
        "violations": float(result.violations),
    }


@dataclass(frozen=True, slots=True)
class Player:
    """A model as a harness offers it.

    Attributes:
        name: Name for the record.
        ask: Asks it, with the tools of its style.
        is_limit: Whether what `ask` raised is a limit of the harness: then the model has done all that it
            may, and is graded. Anything else is a failure of those who run the model. Cancellation is a
            limit too, of time.
        style: How it calls tools.
    """

    name: str
    ask: Ask
    is_limit: Callable[[Exception], bool]
    style: CallStyle = "native"


class WireTalk:
    """A conversation with an endpoint of the chat completions API, which does the sampling.

    What the model said goes back as it came, keys that are nobody's business here included: whoever keeps
    the model's tokens recognises its words by that.
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
            messages: The whole conversation, which goes on from the last reply.
        """
        self._sent += map(wire_message, messages[len(self._sent) :])
        body: dict[str, Any] = {"model": self._model, "messages": list(self._sent)}
        return {**body, "tools": self._tools} if self._tools else body

    def reply(self, body: bytes) -> Completion:
        """What the model said.

        Raises:
            MalformedReplyError: it is no chat completion.
        """
        data = read_json(body)
        done = completion(data, len(self._sent))
        message = wire_message(message_of(done, self._style))
        said = data["choices"][0]["message"] | message
        if "tool_calls" not in message:
            # calls that nothing answers, where calls are text; servers refuse a conversation with such
            said.pop("tool_calls", None)
        self._sent.append(said)
        return done


async def play(task: BenchTask, network: str, player: Player, keep: Callable[[Episode], None]) -> None:
    """Let a model work on a task. It is asked in the caller's own task, where limits and logs look for it.

    However the work ends, by an answer, a spent budget, an exception of `ask` or cancellation, the network
    runs on to the end of the task and is freed before this returns; that takes a few seconds at most.

    Args:
        task: What to work on.
        network: On which network, see `make_simulator`.
        player: Who works. What its `ask` raises ends the work and goes on to the caller.
        keep: Takes the episode, also where `ask` raised.

    Raises:
        SimulatorError: the network cannot be made. What breaks later is in the episode, see `result_of`.
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
            # the type alone: what providers say of an error may hold a key
            failure = f"the model could not be asked ({type(error).__name__})"
        raise
    finally:
        model.replies.put(None)
        with anyio.CancelScope(shield=True):
            await _wait_for(lambda: wait([episode]))
        keep(_failed(episode.result(), failure))


async def _wait_for(blocking: Callable[[], ResultT]) -> ResultT:
    # a limiter of its own, as 40 episodes at once would use up the common one
    return await anyio.to_thread.run_sync(blocking, abandon_on_cancel=True, limiter=anyio.CapacityLimiter(1))


def _failed(episode: Episode, failure: str | None) -> Episode:
    return episode if failure is None else episode.model_copy(update={"infrastructure_failure": failure})


class _DistantModel:
    """A model for the thread of an episode that is asked by another one.

    Attributes:
        name: Name for the record.
        requests: Conversations to be continued; None when there will be no more.
        replies: How they go on; None if the model says no more.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.requests: SimpleQueue[Sequence[Message] | None] = SimpleQueue()
        self.replies: SimpleQueue[Completion | None] = SimpleQueue()

    def complete(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], sampling: Sampling
    ) -> Completion:
        """The reply that the other side brings. Tools and sampling are its business."""
        self.requests.put(messages)
        reply = self.replies.get()
        if reply is None:
            raise AgentLeftError
        return reply

    def close(self) -> None:
        """Nothing to free."""

    def hang_up(self, _: Future[Episode]) -> None:
        """Ask for nothing more."""
        self.requests.put(None)


def _episode(task: BenchTask, network: str, agent: ReactAgent) -> Episode:
    with make_environment(network) as environment:
        return rollout(environment, agent, task.task)
