"""Sessions on the fluid network, and the official MCP client."""

import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import cache

import uvicorn
from mcp import Client
from mcp_types import CallToolResult, TextResourceContents

from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.measurement import Interval
from sixgym.episodes.episode import Episode, Task
from sixgym.episodes.task import make_task
from sixgym.scenarios import load_scenario
from sixgym.serve.http import PATH, make_app
from sixgym.serve.mcp import make_server
from sixgym.serve.sessions import Sessions
from tests.doubles import FluidSimulator

TOKEN = "0123456789abcdef0123456789abcdef"


async def resource_text(client: Client, uri: str) -> str:
    """The text of a resource of one part."""
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    return content.text


@cache
def small_task(max_steps: int = 8, horizon: int = 12) -> Task:
    task = make_task(load_scenario("uav-inspection"), seed=7)
    return task.model_copy(update={"max_steps": max_steps, "horizon": horizon})


class Held(FluidSimulator):
    """Its intervals last until somebody lets go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.let_go = threading.Event(), threading.Event()
        self.threads: set[int] = set()

    def advance(self, duration_ms: int) -> Interval:
        self.threads.add(threading.get_ident())
        if self.advances >= 0:
            self.entered.set()
            assert self.let_go.wait(20)
        return super().advance(duration_ms)


class Faulty(FluidSimulator):
    """Has a fault of ours: no SimulatorError, but an exception that nobody foresaw, in its third interval."""

    def advance(self, duration_ms: int) -> Interval:
        if self.advances >= 1:
            raise ZeroDivisionError("a secret")
        return super().advance(duration_ms)


class Place:
    """A place to serve from, with everything that was opened and kept in it."""

    def __init__(
        self,
        *,
        task: Task | None = None,
        make: Callable[[], FluidSimulator] = FluidSimulator,
        limit: int = 40,
        idle_s: float | None = 600.0,
    ) -> None:
        self.task = task or small_task()
        self.kept: list[Episode] = []
        self.simulators: list[FluidSimulator] = []
        self._make = make
        self.sessions = Sessions(self.task, self._open, self.kept.append, limit=limit, idle_s=idle_s)

    def _open(self) -> SimulatedBackend:
        self.simulators.append(self._make())
        return SimulatedBackend(self.simulators[-1])

    @property
    def running(self) -> int:
        """Simulators that nobody has closed."""
        return sum(simulator.closed == 0 for simulator in self.simulators)

    @asynccontextmanager
    async def client(self, mode: str = "legacy") -> AsyncGenerator[Client]:
        async with Client(make_server(self.sessions), mode=mode) as client:
            yield client

    @contextmanager
    def url(self, token: str | None = None, host: str = "127.0.0.1") -> Generator[str]:
        """Serve over HTTP on a free port of loopback, whatever host it believes to listen at."""
        app = make_app(make_server(self.sessions), self.sessions, host=host, token=token)
        config = uvicorn.Config(app, port=0, log_level="error", access_log=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        wait_until(lambda: server.started)
        try:
            yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}{PATH}"
        finally:
            server.should_exit = True
            thread.join()


def wait_until(condition: Callable[[], bool], patience_s: float = 20.0) -> None:
    """Wait for something that another thread or process does."""
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen")
        time.sleep(0.005)


def text_of(result: CallToolResult) -> str:
    return "".join(part.text for part in result.content if part.type == "text")
