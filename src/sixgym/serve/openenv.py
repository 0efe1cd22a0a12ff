"""The network as an OpenEnv environment: a server with one network per connection, and its client.

An action is a tool call or the final answer; an observation is what a language model is told next. The grade
is the reward of the last step and part of the state, of which the model sees neither.
"""

# pyright: reportMissingTypeStubs=false

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Self

from fastapi import FastAPI
from openenv.core import EnvClient
from openenv.core.client_types import StepResult
from openenv.core.env_server.http_server import HTTPEnvServer
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import (
    Action,
    ConcurrencyConfig,
    EnvironmentMetadata,
    Observation,
    ServerMode,
    State,
)
from pydantic import Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

import sixgym
from sixgym.agents.prompt import feedback, opening, tool_specs
from sixgym.backends.simulated import SimulatedBackend
from sixgym.episodes.episode import Episode
from sixgym.scoring.result import Result
from sixgym.serve.guard import Guard, is_loopback
from sixgym.serve.harness import result_of
from sixgym.serve.work import Work, WorkOverError
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.record import BenchTask


class NetworkAction(Action):
    """A tool call, or the final answer, which ends the work: exactly one of them.

    Attributes:
        tool: Name of a tool.
        arguments: Its arguments.
        answer: The final answer.
    """

    tool: str | None = None
    arguments: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    answer: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.tool is None) == (self.answer is None):
            # of a ValueError the server would say nothing and close the connection, for it is not JSON
            raise PydanticCustomError("one_of", "an action holds either a tool or an answer")
        return self


class NetworkObservation(Observation):
    """What a language model is told next; after the last action nothing.

    Attributes:
        messages: At the start the system prompt and the task, in the terms of the chat completions API.
        tools: At the start the tools, in the same terms.
        content: After a call what it brought, the content of the message that answers it.
    """

    messages: list[dict[str, str]] = Field(default_factory=list[dict[str, str]])
    tools: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    content: str = ""


class NetworkEpisode(State):
    """Which task is worked on, and at the end its grade. It is for the trainer, not for the model.

    Attributes:
        task, tier, domain: Which task, and where it belongs.
        result: The grade, once there is one.
    """

    task: str | None = None
    tier: str | None = None
    domain: str | None = None
    result: Result | None = None


class NetworkEnvironment(Environment[NetworkAction, NetworkObservation, NetworkEpisode]):
    """One client's network. Every `reset` starts another one."""

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self, tasks: Sequence[BenchTask], network: str, keep: Callable[[Episode], None]) -> None:
        """An environment without a network yet.

        Args:
            tasks: What clients may work on.
            network: On which network, see `make_simulator`.
            keep: Takes every episode, whether it has a grade or not.
        """
        super().__init__()
        self._tasks = {task.task.id: task for task in tasks}
        self._network = network
        self._keep = keep
        self._work: Work | None = None
        self._episode: Episode | None = None
        self._state = NetworkEpisode()

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, task: str | None = None, **_: Any
    ) -> NetworkObservation:
        """Start a task.

        Args:
            seed: Of the draw of the task, where none is named. Traffic and fading are the task's own.
            episode_id: The client's name for the episode.
            task: Id of the task.

        Raises:
            ValueError: there is no such task.
            WorkOverError: the network does not start.
        """
        self.close()
        chosen = self._chosen(task, seed)
        self._episode = None
        self._state = NetworkEpisode(
            episode_id=episode_id, task=chosen.task.id, tier=chosen.tier, domain=chosen.domain
        )
        self._work = Work(chosen.task, lambda: SimulatedBackend(make_simulator(self._network)), self._take)
        self._work.agent = "openenv"
        first = opening(self._work.observe(), "native")
        return NetworkObservation(
            messages=[{"role": message.role, "content": message.content} for message in first],
            tools=list(tool_specs("native")),
        )

    def step(self, action: NetworkAction, timeout_s: float | None = None, **_: Any) -> NetworkObservation:
        """Carry out a call, or take the final answer; a call beyond the budget ends the work as well.

        Raises:
            BrokenEpisodeError: the network broke, so there is no grade.
            WorkOverError: the work is over.
        """
        if self._work is None:
            raise WorkOverError("there is no task yet; reset first")
        if self._episode is not None:
            raise WorkOverError("the task is finished; reset for another one")
        try:
            if action.tool is None:
                self._work.finish(action.answer or "")
            else:
                seen = self._work.call(action.tool, action.arguments)
                content = feedback(seen.history[-1], seen.steps_left)
                self._state.step_count += 1
                return NetworkObservation(content=content)
        except WorkOverError:
            if self._episode is None:
                raise
        return self._last()

    @property
    def state(self) -> NetworkEpisode:
        """Which task, how many calls, and at the end the grade."""
        return self._state

    def get_metadata(self) -> EnvironmentMetadata:
        """Name and version."""
        return EnvironmentMetadata(
            name="sixgym", description="Operate a packet-level 6G network", version=sixgym.__version__
        )

    def close(self) -> None:
        """Free the network. A task that is not finished ends as an infrastructure failure."""
        if self._work is not None:
            self._work.stop()
            self._work.leave("the client left")
            self._work = None

    # ------------------------------------------------------------------ inside
    def _chosen(self, name: str | None, seed: int | None) -> BenchTask:
        if name is None:
            return self._tasks[random.Random(seed).choice(list(self._tasks))]
        if name not in self._tasks:
            raise ValueError(f"there is no task {name[:80]!r}")
        return self._tasks[name]

    def _take(self, episode: Episode) -> None:
        self._episode = episode
        self._keep(episode)

    def _last(self) -> NetworkObservation:
        assert self._episode is not None
        self._state.result = result_of(self._tasks[self._episode.task.id], self._episode)
        return NetworkObservation(done=True, reward=float(self._state.result.success))


class NetworkClient(EnvClient[NetworkAction, NetworkObservation, NetworkEpisode]):
    """A connection to a server of `make_app`: `reset`, `step` and `state` with types."""

    def _step_payload(self, action: NetworkAction) -> dict[str, Any]:
        return action.model_dump(exclude={"metadata"})

    def _parse_result(self, payload: dict[str, Any]) -> StepResult[NetworkObservation]:
        done, reward = payload["done"], payload["reward"]
        observation = NetworkObservation(**payload["observation"], done=done, reward=reward)
        return StepResult(observation, reward, done)

    def _parse_state(self, payload: dict[str, Any]) -> NetworkEpisode:
        return NetworkEpisode.model_validate(payload)


def make_app(
    tasks: Sequence[BenchTask],
    network: str,
    keep: Callable[[Episode], None],
    *,
    host: str = "127.0.0.1",
    sessions: int = 8,
    idle_s: float = 900.0,
) -> ASGIApp:
    """The server as an ASGI application, with a network per connection to `/ws`.

    OpenEnv also has single requests to reset and to step, each of which gets an environment of its own; a
    network that is gone after one request is of no use, so they are left out.

    Args:
        tasks: What clients may work on.
        network: On which network, see `make_simulator`.
        keep: Takes every episode, in the thread of its connection.
        host: The address it listens at.
        sessions: How many connections there may be at once.
        idle_s: After how many seconds of silence a connection loses its network.

    Raises:
        ValueError: others than this machine could come in: OpenEnv's client brings no credentials.
    """
    if not is_loopback(host):
        raise ValueError(
            f"{host} can be reached from other machines, and OpenEnv has no credentials: listen at 127.0.0.1 "
            "and let clients come through a tunnel, such as ssh -L"
        )
    app = FastAPI(title="sixgym", version=sixgym.__version__)
    server = HTTPEnvServer(
        partial(NetworkEnvironment, tasks, network, keep),
        NetworkAction,
        NetworkObservation,
        concurrency_config=ConcurrencyConfig(max_concurrent_envs=sessions, session_timeout=idle_s),
    )
    server.register_routes(app, ServerMode.PRODUCTION)
    return Guard(_forgiving(app), host, None)


def _forgiving(app: ASGIApp) -> ASGIApp:
    """OpenEnv also closes connections whose client has left, which is an exception; it is nobody's fault."""

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(WebSocketDisconnect):
            await app(scope, receive, send)

    return run
