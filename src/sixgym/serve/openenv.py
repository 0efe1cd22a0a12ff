"""The network as an OpenEnv environment: a server with one network per connection, and its client.

An action is a tool call or the final answer. An observation is the next message for a language model. The
grade is the reward of the last step and part of the state; the model sees neither.
"""

# pyright: reportMissingTypeStubs=false

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Any, Self

import anyio
import anyio.to_thread
from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute
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
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sixgym._version import __version__
from sixgym.agents.llm.prompt import feedback, opening, tool_specs
from sixgym.domain.hosts import is_loopback
from sixgym.episodes.episode import Episode
from sixgym.run.build import make_network
from sixgym.run.session import EpisodeSession, SessionOverError
from sixgym.scoring.result import Result
from sixgym.serve.guard import Guard
from sixgym.serve.harness import result_of
from sixgym.tasks.record import BenchTask

PATHS = ("/ws", "/health", "/metadata", "/schema")
"""The served paths. OpenEnv's own MCP path would hold a network without a connection that could end."""


SERVER_STOPS = 1012
"""Close code of WebSockets when the server stops (RFC 6455 registry: service restart)."""


class NetworkAction(Action):
    """A tool call, or the final answer, which ends the episode: exactly one of the two.

    Attributes:
        tool: Name of a tool.
        arguments: Arguments of the call.
        answer: The final answer.
    """

    tool: str | None = None
    arguments: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    answer: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.tool is None) == (self.answer is None):
            # a ValueError is not JSON, so the server would close the connection without a message
            raise PydanticCustomError("one_of", "an action holds either a tool or an answer")
        return self


class NetworkObservation(Observation):
    """The next message for a language model; empty after the last action.

    Attributes:
        messages: System prompt and task, in the format of the chat completions API; only at the start.
        tools: Tools in the same format; only at the start.
        content: Content of the message that answers a call.
    """

    messages: list[dict[str, str]] = Field(default_factory=list[dict[str, str]])
    tools: list[dict[str, Any]] = Field(default_factory=list[dict[str, Any]])
    content: str = ""


class NetworkEpisode(State):
    """The task, and at the end its grade. The state is for the trainer, not for the model.

    Attributes:
        task, tier, domain: Id, tier and domain of the task.
        result: Grade of the finished episode.
    """

    task: str | None = None
    tier: str | None = None
    domain: str | None = None
    result: Result | None = None


class NetworkEnvironment(Environment[NetworkAction, NetworkObservation, NetworkEpisode]):
    """The network of a client, until `close`. Every `reset` starts another network.

    A client that stops in the middle of a task ends it without an answer: the network runs out, and the
    episode is graded.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(
        self,
        tasks: Sequence[BenchTask],
        network: str,
        keep: Callable[[Episode], None],
        environments: "Environments | None" = None,
    ) -> None:
        """An environment without a network yet.

        Args:
            tasks: Tasks for clients.
            network: Name of the network, see `make_network`.
            keep: Receives every episode, infrastructure failures included.
            environments: Environments of the server that have a network.
        """
        super().__init__()
        self._environments = Environments() if environments is None else environments
        self._turn = Lock()
        self._closed = False
        self._tasks = {task.task.id: task for task in tasks}
        self._network = network
        self._keep = keep
        self._session: EpisodeSession | None = None
        self._episode: Episode | None = None
        self._state = NetworkEpisode()

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, task: str | None = None, **_: Any
    ) -> NetworkObservation:
        """Start a task.

        Args:
            seed: Seed of the draw of a task if `task` is None. The seed of the network belongs to the task.
            episode_id: Name of the episode, chosen by the client.
            task: Id of the task.

        Raises:
            ValueError: there is no such task.
            SessionOverError: the network does not start, or the environment is closed.
        """
        with self._turn:
            return self._started(self._chosen(task, seed), episode_id)

    def step(self, action: NetworkAction, timeout_s: float | None = None, **_: Any) -> NetworkObservation:
        """Carry out a call, or take the final answer. A call beyond the budget ends the episode as well.

        Raises:
            BrokenEpisodeError: the network broke, so the episode has no grade.
            SessionOverError: the episode is over.
        """
        with self._turn:
            return self._stepped(action)

    @property
    def state(self) -> NetworkEpisode:
        """The task, the number of calls, and at the end the grade."""
        return self._state

    def get_metadata(self) -> EnvironmentMetadata:
        """Name and version."""
        return EnvironmentMetadata(
            name="sixgym", description="Operate a packet-level 6G network", version=__version__
        )

    def close(self) -> None:
        """End the episode if it has not ended, after the current request. No other episode starts."""
        with self._turn:
            self._closed = True
            try:
                self._leave("the client left")
            finally:
                self._environments.open.discard(self)

    def stop(self) -> None:
        """Let the episode end at once, see `EpisodeSession.stop`. From any thread."""
        if (session := self._session) is not None:
            session.stop()

    # ------------------------------------------------------------------ inside
    def _started(self, chosen: BenchTask, episode_id: str | None) -> NetworkObservation:
        self._raise_if_closed()
        self._leave("the client began another task")
        self._episode = None
        self._state = NetworkEpisode(
            episode_id=episode_id, task=chosen.task.id, tier=chosen.tier, domain=chosen.domain
        )
        self._session = EpisodeSession(
            chosen.task, partial(make_network, self._network), self._take, agent="openenv"
        )
        self._environments.open.add(self)
        first = opening(self._session.observe(), "native")
        return NetworkObservation(
            messages=[{"role": message.role, "content": message.content} for message in first],
            tools=[dict(spec) for spec in tool_specs("native")],
        )

    def _stepped(self, action: NetworkAction) -> NetworkObservation:
        self._raise_if_closed()
        if self._session is None:
            raise SessionOverError("there is no task yet; reset first")
        if self._episode is not None:
            raise SessionOverError("the task is finished; reset for another one")
        try:
            if action.tool is None:
                self._session.finish(action.answer or "")
            else:
                seen = self._session.call(action.tool, action.arguments)
                content = feedback(seen.history[-1], seen.steps_left)
                self._state.step_count += 1
                return NetworkObservation(content=content)
        except SessionOverError:
            if self._episode is None:
                raise
        return self._last()

    def _raise_if_closed(self) -> None:
        if self._closed:
            raise SessionOverError(
                "this connection has lost its network: it was silent for too long; connect again"
            )

    def _leave(self, reason: str) -> None:
        if self._session is not None:
            # if the network breaks meanwhile, the episode says so
            with suppress(SessionOverError):
                self._session.leave(reason)
            self._session = None

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


class Environments:
    """The environments of a server that have a network.

    Attributes:
        open: The environments. Every environment enters and leaves in a thread of its own.
    """

    def __init__(self) -> None:
        self.open: set[NetworkEnvironment] = set()

    def stop(self) -> None:
        """Let all episodes end at once."""
        for environment in tuple(self.open):
            environment.stop()

    async def close(self) -> None:
        """End all episodes at once. The records are kept when this returns."""
        self.stop()
        async with anyio.create_task_group() as tasks:
            for environment in tuple(self.open):
                tasks.start_soon(anyio.to_thread.run_sync, environment.close)


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

    OpenEnv's single requests for reset and step are left out: each gets an environment of its own, and a
    network that ends after one request is of no use.

    Args:
        tasks: Tasks for clients.
        network: Name of the network, see `make_network`.
        keep: Receives every episode, in the thread of its connection.
        host: Address that the server listens at.
        sessions: Largest number of connections at once.
        idle_s: Time of silence in seconds after which a connection loses its network.

    Raises:
        ValueError: other machines reach the address, and OpenEnv's client sends no credentials.
    """
    if not is_loopback(host):
        raise ValueError(
            f"{host} can be reached from other machines, and OpenEnv has no credentials: listen at 127.0.0.1 "
            "and let clients come through a tunnel, such as ssh -L"
        )
    app = FastAPI(title="sixgym", version=__version__, docs_url=None, redoc_url=None, openapi_url=None)
    environments = Environments()
    server = HTTPEnvServer(
        partial(NetworkEnvironment, tasks, network, keep, environments),
        NetworkAction,
        NetworkObservation,
        concurrency_config=ConcurrencyConfig(max_concurrent_envs=sessions, session_timeout=idle_s),
    )
    server.register_routes(app, ServerMode.PRODUCTION)
    routes = (route for route in app.routes if isinstance(route, APIRoute | APIWebSocketRoute))
    app.router.routes[:] = [route for route in routes if route.path in PATHS]
    app.router.on_shutdown.append(environments.close)
    return Guard(_watched(app, environments), host, None)


def _watched(app: ASGIApp, environments: Environments) -> ASGIApp:
    """The application, which hears of the end of its server, and not of clients that left before an answer.

    OpenEnv sends an answer, an error and a close to a client that has left. Each raises another exception.
    """

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_watching() -> Message:
            message = await receive()
            # a client's own 1012 has the key `reason` as well, even if it is empty
            if message == {"type": "websocket.disconnect", "code": SERVER_STOPS}:
                environments.stop()
            return message

        async def send_if_there(message: Message) -> None:
            with suppress(OSError):  # by the specification of ASGI: the client has left
                await send(message)

        await app(scope, receive_watching, send_if_there)

    return run
