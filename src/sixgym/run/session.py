"""One client's work on a task: its network, its calls and the record. It knows no protocol and no threads."""

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass

from pydantic import JsonValue

from sixgym.backends.base import Backend
from sixgym.domain.measurement import Interval
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Episode, Task, ToolCall, Turn
from sixgym.simulators.base import SimulatorError

STOPPED = "the server was stopped"
KILLED = "the server was killed while the network ran on"

Safeguard = Callable[[Episode], AbstractContextManager[object]]
"""Holds an episode as it is before the network runs out, until it is left: by then the whole one is kept."""


class SessionOverError(Exception):
    """Nothing more can be done in this session. The message says why, for the client."""


class _StoppedError(Exception):
    """The work is stopped while the network runs on. The message says why."""


@dataclass(slots=True)
class SessionProgress:
    """How far something is that takes time. Written by one thread, read by another.

    Attributes:
        doing: What, in words.
        done, total: Intervals of network time; a total of 0 is unknown.
    """

    doing: str = ""
    done: int = 0
    total: int = 0


class EpisodeSession:
    """A task, from the first call on it to the episode.

    The network starts with the first call. However the work ends, the network runs out if it can, the
    episode is kept and the simulator is freed, once. All methods but `stop` are called one at a time.

    Args:
        task: What is worked on.
        open_backend: Makes its network.
        keep: Takes the episode.
        agent: Who works, for the record.
        safeguard: Holds what has happened while the network runs out, in case the process is killed.

    Attributes:
        progress: Of what is being done.
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
        self._backend: Backend | None = None
        self._environment: Environment | None = None
        self._observation: Observation | None = None
        self._over: str | None = None
        self._stopped: str | None = None
        self._returned_at = time.perf_counter()

    def observe(self) -> Observation:
        """What the agent knows now.

        Raises:
            SessionOverError: the work has ended, or the network does not start.
        """
        self._environment_of_mine()
        assert self._observation is not None
        return self._observation

    def call(self, tool: str, arguments: Mapping[str, JsonValue]) -> Observation:
        """Carry out a tool call, which takes a decision interval; its outcome is last in the history.

        Raises:
            SessionOverError: the work has ended, or ends now: the budget is spent or the network broke.
        """
        environment = self._environment_of_mine()
        self.progress = SessionProgress("the network runs")
        thought_s = time.perf_counter() - self._returned_at
        turn = Turn(call=ToolCall(tool=tool, arguments=dict(arguments)))
        with self._ending_on_failure():
            self._observation, _, truncated = environment.step(turn, agent_s=thought_s)
        if truncated:
            self._end(f"all {self._task.max_steps} calls are spent and this one was not carried out")
            raise self._refusal()
        self._returned_at = time.perf_counter()
        return self._observation

    def finish(self, answer: str) -> None:
        """Take the agent's final answer; the network runs on to the end of the task.

        Raises:
            SessionOverError: the work has ended before, or the network broke.
        """
        environment = self._environment_of_mine()
        thought_s = time.perf_counter() - self._returned_at
        with self._ending_on_failure():
            environment.step(Turn(answer=answer), agent_s=thought_s)
        self._end("the task is finished")

    def leave(self, reason: str) -> None:
        """End the work without an answer if it has not ended; work that has not begun never will."""
        if self._over is None:
            self._end(reason)

    def leave_if_begun(self, reason: str) -> None:
        """End the work without an answer if it has begun; where it has not, it may still begin."""
        if self._environment is not None:
            self.leave(reason)

    def introduce(self, agent: str) -> None:
        """Say who works, where that is known only later."""
        self._agent = agent

    def stop(self, reason: str = STOPPED) -> None:
        """Let the work end at once: what has happened is kept, the network does not run out. Any thread.

        Args:
            reason: Recorded as the infrastructure failure; the first that is given counts.
        """
        if self._stopped is None:
            self._stopped = reason

    # ------------------------------------------------------------------ inside
    def _environment_of_mine(self) -> Environment:
        if self._over is not None:
            raise self._refusal()
        if self._environment is None:
            self.progress = SessionProgress("the network starts")
            self._backend = self._opened()
            self._environment = Environment(self._backend)
            with self._ending_on_failure():
                self._observation = self._environment.reset(self._task)
            self._returned_at = time.perf_counter()
        return self._environment

    def _opened(self) -> Backend:
        try:
            return self._open_backend()
        except SimulatorError as error:
            self._over = f"the network cannot be started ({error})"
            raise self._refusal() from None

    @contextmanager
    def _ending_on_failure(self) -> Generator[None]:
        try:
            yield
        except SimulatorError as error:
            self._over = f"the network broke ({error})"
            self._close(str(error))
            raise self._refusal() from None
        except Exception as error:
            # a fault of ours says nothing of the agent either, and nobody can work on in its debris
            self._over = "the server failed"
            self._close(f"stopped by {error!r}")
            raise

    def _end(self, reason: str) -> None:
        self._over = reason
        if self._environment is None or self._observation is None:
            return
        so_far = self._environment.episode(self._agent, infrastructure_failure=KILLED)
        with ExitStack() as stack:
            with self._ending_on_failure():
                stack.enter_context(self._safeguard(so_far))
            self._run_out(self._environment, self._task.horizon - len(self._observation.history))

    def _run_out(self, environment: Environment, left: int) -> None:
        with self._ending_on_failure():
            try:
                self.progress = SessionProgress("the network runs on to the end of the task", total=left)
                self._raise_if_stopped()
                environment.run_out(self._count)
            except _StoppedError as stopped:
                self._close(str(stopped))
                return
        self._close(None)

    def _count(self, _: Interval) -> None:
        self._raise_if_stopped()
        self.progress.done += 1

    def _raise_if_stopped(self) -> None:
        if self._stopped is not None:
            raise _StoppedError(self._stopped)

    def _close(self, infrastructure_failure: str | None) -> None:
        """Free the simulator, then keep the episode."""
        assert self._environment is not None
        assert self._backend is not None
        self._backend.close()
        self._keep(self._environment.episode(self._agent, infrastructure_failure=infrastructure_failure))

    def _refusal(self) -> SessionOverError:
        return SessionOverError(f"{self._over}; connect again for a fresh network")
