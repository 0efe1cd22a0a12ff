"""The clients of a server: how many at once, each in a thread of its own, and how long one may be silent."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from typing import TypeVar

import anyio

from sixgym.backends.base import Backend
from sixgym.episodes.episode import Episode, Task
from sixgym.run.session import EpisodeSession, Safeguard, SessionOverError, SessionProgress

ResultT = TypeVar("ResultT")

Report = Callable[[SessionProgress], Awaitable[None]]
"""Sends the progress of a request to its client."""

REPORT_AFTER_S, REPORT_EVERY_S = 0.2, 1.0

logger = logging.getLogger(__name__)


async def _no_report(_: SessionProgress) -> None:
    """For a client that asked for no progress."""


class TooManySessionsError(Exception):
    """The server has as many sessions as it may have. The message tells the client so."""


class ServedClient:
    """A client of the server and its episode session.

    The session runs in one thread: calls take turns there, a slow network delays no other client, and one
    thread sees a simulator from start to end.

    Args:
        session: The episode session.
        idle_s: Time in seconds without a message from the client after which `on_idle` is called; None is
            never.
        on_idle: Called then; by default a session that has begun ends.
    """

    def __init__(
        self, session: EpisodeSession, idle_s: float | None, on_idle: Callable[[], None] | None
    ) -> None:
        self.session = session
        self._idle_s = idle_s
        self._on_idle = on_idle or self._end_silent
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sixgym-session")
        self._requests = 0
        self._timer: asyncio.TimerHandle | None = None
        self._leaving: Future[None] | None = None
        self._wind_up()

    async def do(self, action: Callable[[], ResultT], report: Report = _no_report) -> ResultT:
        """Run an action on the session, in the thread of the session.

        Args:
            action: The action. A request that is cancelled before its turn does not run. A request that is
                cancelled later runs to its end, for time in a network cannot be taken back.
            report: Called every second until the action is done; not at all for a short action.
        """
        loop = asyncio.get_running_loop()
        reporting: list[asyncio.Task[None]] = []
        # a task only for a long action: a task for every call would cost as much as the hop to the thread
        timer = loop.call_later(
            REPORT_AFTER_S, lambda: reporting.append(loop.create_task(self._keep_reporting(report)))
        )
        try:
            with self.not_silent():
                return await loop.run_in_executor(self._thread, action)
        finally:
            timer.cancel()
            for task in reporting:
                task.cancel()

    @contextmanager
    def not_silent(self) -> Generator[None]:
        """Serve a request of the client. The silence of the client begins when its last request is over."""
        self._requests += 1
        if self._timer is not None:
            self._timer.cancel()
        try:
            yield
        finally:
            self._requests -= 1
            if self._requests == 0:
                self._wind_up()

    @property
    def leaving(self) -> bool:
        """Whether the client has gone, and only the end of its session is waited for."""
        return self._leaving is not None

    async def close(self) -> None:
        """End the session if it has not ended, and free its network. Returns when both are done."""
        if self._timer is not None:
            self._timer.cancel()
        if self._leaving is None:
            self._leaving = self._thread.submit(self.session.leave, "the client left")
            self._thread.shutdown(wait=False)
        with anyio.CancelScope(shield=True):
            try:
                await asyncio.wrap_future(self._leaving)
            except SessionOverError as error:
                logger.info("a session ended: %s", error)
            except Exception:
                logger.exception("a session ended by a fault")  # the other sessions go on

    # ------------------------------------------------------------------ inside
    def _wind_up(self) -> None:
        if self._leaving is None and self._idle_s is not None:
            self._timer = asyncio.get_running_loop().call_later(self._idle_s, self._on_idle)

    def _end_silent(self) -> None:
        self._thread.submit(self.session.leave_if_begun, f"the session was silent for {self._idle_s:g} s")

    async def _keep_reporting(self, report: Report) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # the client is gone
            while True:
                await report(self.session.progress)
                await asyncio.sleep(REPORT_EVERY_S)


class Sessions:
    """The sessions of the clients of a server, all on one task.

    Args:
        task: The task of every client.
        open_backend: Makes the network of a session, in the thread of the session.
        keep: Receives the episode of every session that started a network, in the thread of the session.
        limit: Largest number of sessions at once.
        idle_s: Time in seconds without a message from the client after which a session ends; None is never.
        safeguard: Keeps an episode safe while its network runs out, see `EpisodeSession`.
    """

    def __init__(
        self,
        task: Task,
        open_backend: Callable[[], Backend],
        keep: Callable[[Episode], None],
        *,
        limit: int,
        idle_s: float | None,
        safeguard: Safeguard = nullcontext,
    ) -> None:
        self.task = task
        self.limit = limit
        self._open_backend = open_backend
        self._keep = keep
        self._idle_s = idle_s
        self._safeguard = safeguard
        self._open: set[ServedClient] = set()

    @property
    def number(self) -> int:
        """Number of open sessions."""
        return len(self._open)

    @property
    def deserted(self) -> bool:
        """Whether there are sessions and all clients have gone."""
        return self.number > 0 and all(client.leaving for client in self._open)

    @asynccontextmanager
    async def client(self, on_idle: Callable[[], None] | None = None) -> AsyncGenerator[ServedClient]:
        """A client with a session of its own, closed at the end of the context.

        Args:
            on_idle: Called when the client was silent for too long, to end its connection. Without it the
                connection stays, and a session that has begun ends.

        Raises:
            TooManySessionsError: all sessions are in use.
        """
        if self.number >= self.limit:
            raise TooManySessionsError(
                f"{self.limit} of {self.limit} sessions are in use; try again when a client has left"
            )
        session = EpisodeSession(self.task, self._open_backend, self._keep, safeguard=self._safeguard)
        client = ServedClient(session, self._idle_s, on_idle)
        self._open.add(client)
        try:
            yield client
        finally:
            await client.close()
            self._open.discard(client)

    def stop(self) -> None:
        """Let all sessions end at once when they end, without running their networks out."""
        for client in self._open:
            client.session.stop()

    async def close(self) -> None:
        """End all sessions."""
        self.stop()
        async with anyio.create_task_group() as tasks:
            for client in self._open:
                tasks.start_soon(client.close)
