"""The closed loop: a task, a network, the turns of an agent, and the record of all three."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Self

from sixgym._version import __version__
from sixgym.backends.base import Backend, Transition
from sixgym.domain.measurement import Interval
from sixgym.domain.mission import Ledger
from sixgym.domain.slices import NetworkState
from sixgym.envs.observation import Exchange, Observation, observe
from sixgym.episodes.episode import BackendInfo, Episode, Outcome, Step, Task, Turn


class Environment:
    """One agent, one task, one network. `reset` starts another task on the same network.

    Network time advances by one decision interval per call. An answer terminates the episode; a call beyond
    the budget truncates it; a verification tool observes the network and ends nothing. After the last turn,
    `run_out` lets the network run to the task's horizon, so that an early answer hides nothing.

    As a context manager, the environment closes its network at the end.

    Args:
        backend: The network. The environment resets it for every task.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._task: Task | None = None
        self._earlier: tuple[Episode, ...] = ()
        self._state: NetworkState | None = None
        self._initial: tuple[NetworkState, Interval] | None = None
        self._history: list[Exchange] = []
        self._steps: list[Step] = []
        self._remainder: list[Interval] = []
        self._uavs: frozenset[str] = frozenset()
        self._closing: Turn | None = None
        self._ledger: Ledger | None = None
        self._terminated = self._truncated = False
        self._started_at = ""

    def reset(self, task: Task, *, earlier: tuple[Episode, ...] = ()) -> Observation:
        """Start the network of a task.

        Args:
            task: The task.
            earlier: Earlier attempts at the task, for the record.

        Raises:
            SimulatorError: the network does not start. `episode` still returns a record.
        """
        self._task, self._earlier = task, earlier
        self._state = self._initial = self._closing = self._ledger = None
        self._history, self._steps, self._remainder = [], [], []
        self._terminated = self._truncated = False
        self._uavs = frozenset(
            name for group in task.scenario.groups if group.airframe for name in group.device_ids
        )
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._state, interval = self._backend.reset(task.scenario, seed=task.seed)
        self._initial = (self._state, interval.only_devices(self._uavs))
        return self._observe()

    def step(self, turn: Turn, *, agent_s: float = 0.0) -> tuple[Observation, bool, bool]:
        """Carry out a turn: the next observation, terminated, truncated.

        When the budget is spent, the agent may still answer. Another call is not carried out and truncates
        the episode.

        Args:
            turn: A call, or a final answer.
            agent_s: Wall-clock time that the agent took for the turn, in seconds, for the record.

        Raises:
            SimulatorError: the network broke during the turn.
            RuntimeError: the episode is over.
            TypeError: `turn` is not a `Turn`.
            ValueError: the turn holds neither a call nor an answer, or both.
        """
        if self._task is None or self._state is None:
            raise RuntimeError("call reset() first")
        if self._terminated or self._truncated:
            raise RuntimeError("the episode is over: call reset() for another")
        if not isinstance(turn, Turn):  # pyright: ignore[reportUnnecessaryIsInstance]  # agents of one's own
            raise TypeError(f"an agent's act returns a Turn, not {type(turn).__name__}")
        if (turn.call is None) == (turn.answer is None):
            raise ValueError("a turn holds either a call or an answer")
        if turn.call is None:
            self._closing, self._terminated = turn, True
            return self._observe(), True, False
        if len(self._steps) >= self._task.max_steps:
            self._closing, self._truncated = turn, True
            return self._observe(), False, True
        started = time.perf_counter()
        if turn.unreadable is None:
            transition = self._backend.execute(turn.call)
        else:
            transition = self._let_pass(Outcome(error=turn.unreadable))
        self._record(turn, transition, agent_s, time.perf_counter() - started)
        return self._observe(), False, False

    def run_out(self, on_interval: Callable[[Interval], None] | None = None) -> None:
        """Let the network run without an agent to the horizon of the task.

        Args:
            on_interval: Called after every interval, for live views.

        Raises:
            SimulatorError: the network broke.
            RuntimeError: `reset` was not called.
        """
        if self._task is None:
            raise RuntimeError("call reset() first")
        while len(self._steps) + len(self._remainder) < self._task.horizon:
            self._remainder.append(self._backend.idle().only_devices(self._uavs))
            if on_interval is not None:
                on_interval(self._remainder[-1])
        self._ledger = self._backend.ledger

    @property
    def last_step(self) -> Step:
        """The last step."""
        return self._steps[-1]

    @property
    def info(self) -> BackendInfo:
        """Name and version of the network."""
        return self._backend.info

    def episode(self, agent: str, *, infrastructure_failure: str | None = None) -> Episode:
        """The record of everything since `reset`.

        Args:
            agent: Name of the agent.
            infrastructure_failure: Reason why the episode broke off, if it did.

        Raises:
            RuntimeError: `reset` was not called.
        """
        if self._task is None:
            raise RuntimeError("call reset() first")
        return Episode(
            id=f"{self._task.scenario.name}-{agent}-{self._task.seed}-{uuid.uuid4().hex[:8]}",
            task=self._task,
            scenario_digest=self._task.scenario.digest,
            agent=agent,
            backend=self._backend.info,
            sixgym_version=__version__,
            started_at=self._started_at,
            initial=self._initial[0] if self._initial else None,
            initial_interval=self._initial[1] if self._initial else None,
            steps=tuple(self._steps),
            answer=self._closing.answer if self._closing else None,
            closing=(self._closing,) if self._closing else (),
            earlier=self._earlier,
            remainder=tuple(self._remainder),
            terminated=self._terminated,
            truncated=self._truncated,
            ledger=self._ledger,
            infrastructure_failure=infrastructure_failure,
        )

    def close(self) -> None:
        """Stop the network. `reset` starts it again."""
        self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ inside
    def _let_pass(self, outcome: Outcome) -> Transition:
        """The interval of a turn from which nothing reaches the network."""
        assert self._state is not None
        interval = self._backend.idle()
        return Transition(outcome, self._state, self._backend.state, interval)

    def _record(self, turn: Turn, transition: Transition, agent_s: float, world_s: float) -> None:
        self._state = transition.after
        self._history.append(Exchange(turn, transition.outcome, transition.after))
        self._steps.append(
            Step(
                index=len(self._steps),
                turn=turn,
                outcome=transition.outcome,
                before=transition.before,
                after=transition.after,
                interval=transition.interval.only_devices(self._uavs),
                agent_s=agent_s,
                world_s=world_s,
            )
        )

    def _observe(self) -> Observation:
        assert self._task is not None
        assert self._initial is not None
        return observe(self._task, self._initial[0], self._history)
