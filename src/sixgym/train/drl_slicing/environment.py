"""The closed loop as a Gymnasium environment for the DRL-Slicing agent: numbers in, numbers out."""

from typing import Any

import gymnasium
import numpy as np

from sixgym.agents.learned.drl_slicing.actions import DECISIONS, SHARES, Decision, turn_for
from sixgym.agents.learned.drl_slicing.agent import due_reading
from sixgym.agents.learned.drl_slicing.view import FEATURES, Floats, PolicyView, features
from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.measurement import Interval
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Task, Turn
from sixgym.scoring.goals import judge
from sixgym.scoring.rewards import SUCCESS, interval_score
from sixgym.train.drl_slicing.tasks import TrainingTasks


class AdmissionEnv(gymnasium.Env[Floats, Floats]):
    """One decision a step; readings that are due before it belong to the step before.

    Observations are `features`. An action has 1 + 3 numbers: the index of a `Decision`, and a level of each
    slice, -1 to 1. Rewards of an episode add up to its `episode_return`. Episode n after `start_at(0)` is
    episode n of the lessons; seeds of `reset` have no effect, since a task has its own.

    Args:
        lessons: What to work on.
        backend: The network; closed with the environment.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012

    def __init__(self, lessons: TrainingTasks, backend: SimulatedBackend) -> None:
        self.observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (len(FEATURES),), np.float32)
        low = np.array([0, *[-1] * SHARES], np.float32)
        high = np.array([DECISIONS - 1, *[1] * SHARES], np.float32)
        self.action_space = gymnasium.spaces.Box(low, high, dtype=np.float32)
        self._tasks = lessons
        self._backend = backend
        self._environment = Environment(backend)
        self._next = 0
        self._task: Task | None = None
        self._observation: Observation | None = None
        self._over = True
        self._unpaid = self._earned = 0.0
        self._finished: list[tuple[float, bool]] = []

    def start_at(self, number: int) -> None:
        """Forget the finished episodes, and let the next episode be the lessons' episode of that number."""
        self._next = number
        self._finished = []

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Start the next task."""
        super().reset(seed=seed)
        self._task = self._tasks.episode(self._next)
        self._next += 1
        self._observation = self._environment.reset(self._task)
        self._over = False
        self._earned = 0.0
        # what these earn cannot be credited to any decision, but it is part of the episode's return
        self._unpaid = self._read()
        return self._seen(), {"task": self._task.id}

    def step(self, action: Floats) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Carry out a decision, then what has to be read before the next."""
        assert self._observation is not None
        decision = Decision(round(float(action[0])))
        turn = turn_for(PolicyView.of(self._observation), decision, [float(level) for level in action[1:]])
        reward = self._unpaid + self._carry_out(turn)
        self._unpaid = 0.0
        reward += self._read()
        info: dict[str, Any] = {}
        if self._over:
            rest: list[Interval] = []
            self._environment.run_out(rest.append)
            success = judge(self._environment.episode("drl-slicing")).success
            reward += sum(map(self._worth, rest)) + SUCCESS * success
            info["is_success"] = success
            self._finished.append((self._earned + reward, success))
        self._earned += reward
        # out of calls is the end of the task and no cut through it: nothing is to be bootstrapped
        return self._seen(), reward, self._over, False, info

    @property
    def finished(self) -> tuple[tuple[float, bool], ...]:
        """Return and success of the episodes finished since `start_at`, in order."""
        return tuple(self._finished)

    def close(self) -> None:
        """Stop the network."""
        self._backend.close()

    # ------------------------------------------------------------------ inside
    def _seen(self) -> Floats:
        assert self._observation is not None
        return features(PolicyView.of(self._observation))

    def _read(self) -> float:
        """Make the readings that are due; what they earn."""
        earned = 0.0
        while not self._over:
            assert self._observation is not None
            turn = due_reading(PolicyView.of(self._observation))
            if turn is None:
                break
            earned += self._carry_out(turn)
        return earned

    def _carry_out(self, turn: Turn) -> float:
        self._observation, terminated, truncated = self._environment.step(turn)
        self._over = terminated or truncated or self._observation.steps_left == 0
        return self._worth(self._environment.last_step.interval)

    def _worth(self, interval: Interval) -> float:
        assert self._task is not None
        return interval_score(self._task.goal, interval, self._task.scenario) / self._task.horizon
