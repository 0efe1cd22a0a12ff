"""A client's step-by-step work on a task. The module knows no protocol and no threads."""

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass

from pydantic import JsonValue

from sixgym.backends.base import Backend
from sixgym.domain.measurement import Interval
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Episode, Task, ToolCall, Turn
from sixgym.run.attempt import Attempt
from sixgym.simulators.base import SimulatorError

STOPPED = "the server was stopped"
KILLED = "the server was killed while the network ran on"

Safeguard = Callable[[Episode], AbstractContextManager[object]]
"""Keeps an unfinished episode safe while the network runs out. At its end the whole episode is kept."""


class SessionOverError(Exception):
    """The session takes no further call. The message tells the client why."""


class _StoppedError(Exception):
    """The session was stopped while the network ran out. The message says why."""


@dataclass(slots=True)
class SessionProgress:
    """Progress of a request that takes time. One thread writes it, another reads it.

    Attributes:
        doing: The activity, in words.
        done, total: Intervals of network time; a total of 0 is unknown.
    """

    doing: str = ""
    done: int = 0
    total: int = 0


class EpisodeSession:
    """The work of a client on a task, from the first call to the episode.

    The network starts with the first call. At the end, for whatever reason, the network runs out if it can,
    the simulator is freed and the episode is kept, once. Only `stop` may be called at any time; all other
    methods are called one at a time.

    Args:
        task: The task.
        open_backend: Makes the network of the task.
        keep: Receives the episode.
        agent: Name of the agent, for the record.
        safeguard: Keeps the episode safe while the network runs out, in case the process is killed.

    Attributes:
        progress: Progress of the current request.
    """

    def __init__(
        self,
        task: Task,
        open_backend: Callable[[], Backend],
        keep: Callable[[Episode], None],
        *,
        agent: str = "mcp",
        safeguard: Safeguard = nullcontext,
    ) -> None:
        self.progress = SessionProgress()
        self._agent = agent
        self._task = task
        self._open_backend = open_backend
        self._keep = keep
        self._safeguard = safeguard
        self._environment: Environment | None = None
        self._attempt: Attempt | None = None
        self._observation: Observation | None = None
        self._over: str | None = None
        self._stopped: str | None = None

    def observe(self) -> Observation:
        """The current observation. The network starts if it has not.

        Raises:
            SessionOverError: the session has ended, or the network does not start.
        """
        self._begun()
        assert self._observation is not None
        return self._observation

    def call(self, tool: str, arguments: Mapping[str, JsonValue]) -> Observation:
        """Carry out a tool call, which takes a decision interval. Its outcome is last in the history.

        Raises:
            SessionOverError: the session has ended, or ends now: the budget is spent or the network broke.
        """
        attempt = self._begun()
        self.progress = SessionProgress("the network runs")
        turn = Turn(call=ToolCall(tool=tool, arguments=dict(arguments)))
        with self._ending_on_failure(attempt):
            self._observation = attempt.take(turn)
        if attempt.truncated:
            self._end(f"all {self._task.max_steps} calls are spent and this one was not carried out")
            raise self._refusal()
        assert self._observation is not None
        return self._observation

    def finish(self, answer: str) -> None:
        """Take the agent's final answer. The network runs on to the horizon of the task.

        Raises:
            SessionOverError: the session has ended before, or the network broke.
        """
        attempt = self._begun()
        with self._ending_on_failure(attempt):
            attempt.take(Turn(answer=answer))
        self._end("the task is finished")

    def leave(self, reason: str) -> None:
        """End the session without an answer, if it has not ended. A session that has not begun never will."""
        if self._over is None:
            self._end(reason)

    def leave_if_begun(self, reason: str) -> None:
        """End the session without an answer if it has begun. Otherwise it may still begin."""
        if self._attempt is not None:
            self.leave(reason)

    def introduce(self, agent: str) -> None:
        """Give the name of the agent, where it is known only after the start."""
        self._agent = agent

    def stop(self, reason: str = STOPPED) -> None:
        """Let the session end at once: the record is kept, the network does not run out. From any thread.

        Args:
            reason: Recorded as the infrastructure failure. The first reason counts.
        """
        if self._stopped is None:
            self._stopped = reason

    # ------------------------------------------------------------------ inside
    def _begun(self) -> Attempt:
        if self._over is not None:
            raise self._refusal()
        if self._attempt is None:
            self.progress = SessionProgress("the network starts")
            self._environment = Environment(self._opened())
            attempt = Attempt(self._environment, self._task, on_interval=self._count)
            self._attempt = attempt
            with self._ending_on_failure(attempt):
                self._observation = attempt.begin()
        return self._attempt

    def _opened(self) -> Backend:
        try:
            return self._open_backend()
        except SimulatorError as error:
            self._over = f"the network cannot be started ({error})"
            raise self._refusal() from None

    @contextmanager
    def _ending_on_failure(self, attempt: Attempt) -> Generator[None]:
        try:
            with attempt.recording_failures():
                yield
        except Exception as error:
            # a bug of ours says nothing about the agent, and leaves a network that no call can rely on
            self._over = "the server failed"
            self._close(attempt, f"stopped by {error!r}")
            raise
        if attempt.failure is not None:
            self._over = f"the network broke ({attempt.failure})"
            self._close(attempt)
            raise self._refusal()

    def _end(self, reason: str) -> None:
        self._over = reason
        if self._attempt is None or self._observation is None:
            return
        so_far = self._attempt.episode(self._agent, infrastructure_failure=KILLED)
        with ExitStack() as stack:
            with self._ending_on_failure(self._attempt):
                stack.enter_context(self._safeguard(so_far))
            self._run_out(self._attempt, self._task.horizon - len(self._observation.history))

    def _run_out(self, attempt: Attempt, left: int) -> None:
        with self._ending_on_failure(attempt):
            try:
                self.progress = SessionProgress("the network runs on to the end of the task", total=left)
                self._raise_if_stopped()
                attempt.run_out()
            except _StoppedError as stopped:
                self._close(attempt, str(stopped))
                return
        self._close(attempt)

    def _count(self, _: Interval) -> None:
        self._raise_if_stopped()
        self.progress.done += 1

    def _raise_if_stopped(self) -> None:
        if self._stopped is not None:
            raise _StoppedError(self._stopped)

    def _close(self, attempt: Attempt, infrastructure_failure: str | None = None) -> None:
        """Free the simulator, then keep the episode."""
        assert self._environment is not None
        self._environment.close()
        self._keep(attempt.episode(self._agent, infrastructure_failure=infrastructure_failure))

    def _refusal(self) -> SessionOverError:
        return SessionOverError(f"{self._over}; connect again for a fresh network")
