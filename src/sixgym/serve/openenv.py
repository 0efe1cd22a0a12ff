"""The network as an OpenEnv environment: a server with one network per connection, and its client.

An action is a tool call or the final answer; an observation is what a language model is told next. The grade
is the reward of the last step and part of the state, of which the model sees neither.
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

import sixgym
from sixgym.agents.llm.prompt import feedback, opening, tool_specs
from sixgym.episodes.episode import Episode
from sixgym.run.build import make_network
from sixgym.run.session import EpisodeSession, SessionOverError
from sixgym.scoring.result import Result
from sixgym.serve.guard import Guard, is_loopback
from sixgym.serve.harness import result_of
from sixgym.tasks.record import BenchTask

PATHS = ("/ws", "/health", "/metadata", "/schema")
"""What is served. OpenEnv's own MCP would hold a network without a connection that could end."""


SERVER_STOPS = 1012
"""Code with which a server that stops closes WebSockets."""


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
    """One client's network, until `close`. Every `reset` starts another one.

    Whoever stops in the middle of a task has ended it without an answer: the network runs on to its end, and
    the episode is graded.
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
            tasks: What clients may work on.
            network: On which network, see `make_simulator`.
            keep: Takes every episode, whether it has a grade or not.
            environments: Those of its server, where it stands while it has a network.
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
            seed: Of the draw of the task, where none is named. Traffic and fading are the task's own.
            episode_id: The client's name for the episode.
            task: Id of the task.

        Raises:
            ValueError: there is no such task.
            SessionOverError: the network does not start, or the environment is closed.
        """
        with self._turn:
            return self._started(self._chosen(task, seed), episode_id)

    def step(self, action: NetworkAction, timeout_s: float | None = None, **_: Any) -> NetworkObservation:
        """Carry out a call, or take the final answer; a call beyond the budget ends the work as well.

        Raises:
            BrokenEpisodeError: the network broke, so there is no grade.
            SessionOverError: the work is over.
        """
        with self._turn:
            return self._stepped(action)

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
        """End the work if it has not ended, and start none any more. It waits for what is being done."""
        with self._turn:
            self._closed = True
            try:
                self._leave("the client left")
            finally:
                self._environments.open.discard(self)

    def stop(self) -> None:
        """Let the work end at once, see `EpisodeSession.stop`. Any thread."""
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
            # where the network breaks on the way, the episode says so
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
        open: They themselves; each enters and leaves in a thread of its own.
    """

    def __init__(self) -> None:
        self.open: set[NetworkEnvironment] = set()

    def stop(self) -> None:
        """Let all their work end at once."""
        for environment in tuple(self.open):
            environment.stop()

    async def close(self) -> None:
        """End them all at once; what has happened is kept by the time this returns."""
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
    app = FastAPI(title="sixgym", version=sixgym.__version__, docs_url=None, redoc_url=None, openapi_url=None)
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
    """The application, which learns of the end of its server and not of the end of those it answers.

    OpenEnv says to a client that has left what it did not hear, that it did not hear it, and goodbye, each of
    which is an exception of another kind.
    """

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_watching() -> Message:
            message = await receive()
            # of a client's own 1012 uvicorn tells the reason too, if only an empty one
            if message == {"type": "websocket.disconnect", "code": SERVER_STOPS}:
                environments.stop()
            return message

        async def send_if_there(message: Message) -> None:
            with suppress(OSError):  # by the specification of ASGI: nobody is there any more
                await send(message)

        await app(scope, receive_watching, send_if_there)

    return run
