"""Many slicing environments that step together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space, iterate

from sixgym.domain.scenario import Scenario
from sixgym.domain.splits import Split
from sixgym.envs.ran_slicing.environment import ActionForm, RanSlicingEnv
from sixgym.envs.ran_slicing.metrics import UtilityWeights
from sixgym.envs.ran_slicing.state import Observation
from sixgym.scenarios import load_scenario
from sixgym.simulators.base import Simulator
from sixgym.simulators.batch import advance_all, reset_all
from sixgym.simulators.factory import make_simulator

Booleans = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.float64]


class RanSlicingVectorEnv(VectorEnv[Observation, Any, npt.NDArray[Any]]):
    """`num_envs` environments of `RanSlicingEnv`: same arguments, same numbers for the same seeds.

    An episode restarts in the step after its last step (`AutoresetMode.NEXT_STEP`): that step ignores the
    action, returns the first observation of the next episode and earns 0. A seed s for `reset` seeds the
    networks with s, s + 1, ...; a sequence gives every network its own seed.

    Args:
        num_envs: Number of networks.
        network: Name of a simulator, or one simulator for each.
        scenario, action, steps, split, weights: See `RanSlicingEnv`.

    Raises:
        ValueError: an argument is invalid.
        SimulatorError: the network cannot be used here.
    """

    metadata: dict[str, Any] = {"autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012

    def __init__(
        self,
        num_envs: int = 1,
        network: str | Sequence[Simulator] = "tti",
        scenario: str | Path | Scenario = "ran-slicing",
        *,
        action: ActionForm = "discrete",
        steps: int = 300,
        split: Split = "training",
        weights: UtilityWeights | Mapping[str, float] | None = None,
    ) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs is at least 1, not {num_envs}")
        if not isinstance(network, str) and len(network) != num_envs:
            raise ValueError(f"{len(network)} simulators for {num_envs} networks")
        loaded = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
        simulators = [
            make_simulator(network) if isinstance(network, str) else network[i] for i in range(num_envs)
        ]
        if len({id(simulator) for simulator in simulators}) < num_envs:
            raise ValueError("every network needs a simulator of its own")
        self.num_envs = num_envs
        self.envs = tuple(
            RanSlicingEnv(simulator, loaded, action=action, steps=steps, split=split, weights=weights)
            for simulator in simulators
        )
        single_observation, single_action = self.envs[0].observation_space, self.envs[0].action_space
        self.single_observation_space, self.single_action_space = single_observation, single_action
        self.observation_space = batch_space(single_observation, num_envs)
        self._actions = batch_space(single_action, num_envs)
        self.action_space = self._actions
        self._shape = (num_envs, *self.envs[0].box.shape)
        self._ended = np.zeros(num_envs, np.bool_)

    def reset(
        self,
        *,
        seed: int | Sequence[int | None] | None = None,
        options: dict[str, Any] | None = None,
    ) -> tuple[Observation, dict[str, Any]]:
        """Start other networks, all with these `options` (see `RanSlicingEnv.reset`).

        Raises:
            ValueError: the number of seeds is not the number of networks, or an option is invalid.
            SimulatorError: a network does not start.
        """
        if seed is None or isinstance(seed, int):
            seeds = [None if seed is None else seed + index for index in range(self.num_envs)]
        else:
            seeds = list(seed)
        if len(seeds) != self.num_envs:
            raise ValueError(f"{len(seeds)} seeds for {self.num_envs} networks")
        observations = np.zeros(self._shape, np.float32)
        infos: dict[str, Any] = {}
        self._restart(range(self.num_envs), seeds, options, observations, infos)
        self._ended[:] = False
        return observations, infos

    def step(self, actions: Any) -> tuple[Observation, Numbers, Booleans, Booleans, dict[str, Any]]:
        """Set the shares in every network and run all for one decision interval.

        Raises:
            ValueError: an action is not in the action space. No network has advanced.
            ResetNeeded: `reset` has not been called.
            SimulatorError: a network failed.
        """
        observations = np.zeros(self._shape, np.float32)
        rewards = np.zeros(self.num_envs, np.float64)
        truncations = np.zeros(self.num_envs, np.bool_)
        infos: dict[str, Any] = {}
        going = [index for index in range(self.num_envs) if not self._ended[index]]
        chosen = list(iterate(self._actions, actions))
        for index in going:
            self.envs[index].allocation_of(chosen[index])  # check all before the first step
        for index in going:
            self.envs[index].begin_step(chosen[index])
        self._restart(np.flatnonzero(self._ended).tolist(), [None] * self.num_envs, None, observations, infos)
        duration_ms = self.envs[0].scenario.decision_interval_ms
        intervals = advance_all([self.envs[index].simulator for index in going], duration_ms)
        for index, interval in zip(going, intervals, strict=True):
            observation, reward, _, truncated, info = self.envs[index].end_step(interval)
            observations[index], rewards[index], truncations[index] = observation, reward, truncated
            infos = self._add_info(infos, info, index)
        self._ended = truncations.copy()
        return observations, rewards, np.zeros(self.num_envs, np.bool_), truncations, infos

    def close_extras(self, **_: Any) -> None:
        """Stop all networks."""
        for env in self.envs:
            env.close()

    def _restart(
        self,
        indices: Sequence[int],
        seeds: Sequence[int | None],
        options: dict[str, Any] | None,
        observations: Observation,
        infos: dict[str, Any],
    ) -> None:
        """Reset these networks, and write their observations and infos into the given ones."""
        starts = [self.envs[index].begin_reset(seed=seeds[index], options=options) for index in indices]
        intervals = reset_all([self.envs[index].simulator for index in indices], starts)
        for index, interval in zip(indices, intervals, strict=True):
            observations[index], info = self.envs[index].end_reset(interval)
            self._add_info(infos, info, index)
