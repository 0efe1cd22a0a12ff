"""Sessions: how many clients work at once, each in its own thread, and for how long one may be silent."""

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
"""Tells the client how far its request is."""

REPORT_AFTER_S, REPORT_EVERY_S = 0.2, 1.0

logger = logging.getLogger(__name__)


async def _tell_nobody(_: SessionProgress) -> None:
    """For those who do not want to know."""


class TooManySessionsError(Exception):
    """As many clients as are allowed are at work. The message says so, for the client."""


class Session:
    """A client and its work.

    The work is done in one thread of the session's own: calls take their turn in it, a slow network
    holds up nobody else, and one thread sees a simulator from start to end.
    """

    def __init__(
        self, work: EpisodeSession, idle_s: float | None, on_idle: Callable[[], None] | None
    ) -> None:
        self.work = work
        self._idle_s = idle_s
        self._on_idle = on_idle or self._end_silent
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sixgym-session")
        self._requests = 0
        self._timer: asyncio.TimerHandle | None = None
        self._leaving: Future[None] | None = None
        self._wind_up()

    async def do(self, action: Callable[[], ResultT], report: Report = _tell_nobody) -> ResultT:
        """Run something on the work in the session's thread.

        Args:
            action: What to run. If the request is cancelled before its turn it does not run; later it
                runs to its end, for time in a network cannot be taken back.
            report: Called every second until it is done; not at all if it is done in a moment.
        """
        loop = asyncio.get_running_loop()
        reporting: list[asyncio.Task[None]] = []
        # a task only for what takes long: one for every call would cost as much as the hop to the thread
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
        """While something of the client's is served; its silence begins when the last is over."""
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
        """Whether its client has gone, so that only the end of its work is waited for."""
        return self._leaving is not None

    async def close(self) -> None:
        """End the work if it has not ended, and free its network. Whoever closes waits until that is done."""
        if self._timer is not None:
            self._timer.cancel()
        if self._leaving is None:
            self._leaving = self._thread.submit(self.work.leave, "the client left")
            self._thread.shutdown(wait=False)
        with anyio.CancelScope(shield=True):
            try:
                await asyncio.wrap_future(self._leaving)
            except SessionOverError as error:
                logger.info("a session ended: %s", error)
            except Exception:
                logger.exception("a session ended by a fault")  # the others go on

    # ------------------------------------------------------------------ inside
    def _wind_up(self) -> None:
        if self._leaving is None and self._idle_s is not None:
            self._timer = asyncio.get_running_loop().call_later(self._idle_s, self._on_idle)

    def _end_silent(self) -> None:
        self._thread.submit(self.work.leave_if_begun, f"the session was silent for {self._idle_s:g} s")

    async def _keep_reporting(self, report: Report) -> None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # nobody listens any more
            while True:
                await report(self.work.progress)
                await asyncio.sleep(REPORT_EVERY_S)


class Sessions:
    """The sessions of a server, all on one task.

    Args:
        task: What every client works on.
        open_backend: Makes a network, in the thread of the session that it is for.
        keep: Takes the episode of every session in which a network was started, in that session's thread.
        limit: How many clients may be at work at once.
        idle_s: After how many seconds without a message from its client a session ends; None is never.
        safeguard: Holds an episode while its network runs out, in the session's thread, see `EpisodeSession`.
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
        self._open: set[Session] = set()

    @property
    def number(self) -> int:
        """How many are open."""
        return len(self._open)

    @property
    def deserted(self) -> bool:
        """Whether there are sessions and the clients of all of them have gone."""
        return self.number > 0 and all(session.leaving for session in self._open)

    @asynccontextmanager
    async def session(self, on_idle: Callable[[], None] | None = None) -> AsyncGenerator[Session]:
        """A session for one client, closed on leaving.

        Args:
            on_idle: Called when the client was silent for too long, to end its connection; without it
                the connection stays, and work that has begun ends.

        Raises:
            TooManySessionsError: there is no room.
        """
        if self.number >= self.limit:
            raise TooManySessionsError(
                f"{self.limit} of {self.limit} sessions are in use; try again when a client has left"
            )
        work = EpisodeSession(self.task, self._open_backend, self._keep, safeguard=self._safeguard)
        session = Session(work, self._idle_s, on_idle)
        self._open.add(session)
        try:
            yield session
        finally:
            await session.close()
            self._open.discard(session)

    def stop(self) -> None:
        """Let every session that ends from now on end at once, without running its network out."""
        for session in self._open:
            session.work.stop()

    async def close(self) -> None:
        """End all sessions."""
        self.stop()
        async with anyio.create_task_group() as tasks:
            for session in self._open:
                tasks.start_soon(session.close)
