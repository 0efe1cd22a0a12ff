"""The RAN slicing task of "Adaptive RAN Slicing Control via Reward-Free Self-Finetuning Agents".

Every 100 ms an agent gives each slice a number of PRBs. The aims are high spectral efficiency, few
reconfigurations, and no late packet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium import spaces
from gymnasium.error import ResetNeeded

from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.domain.splits import SPLITS, Split, require_split
from sixgym.envs.ran_slicing.actions import (
    Allocation,
    all_allocations,
    from_box,
    initial_allocation,
    prb_policy,
)
from sixgym.envs.ran_slicing.metrics import StepMetrics, Totals, UtilityWeights
from sixgym.envs.ran_slicing.state import Observation, observation_space, observe, queues, slice_facts
from sixgym.scenarios import load_scenario
from sixgym.simulators.base import Simulator
from sixgym.simulators.factory import make_simulator

ActionForm = Literal["discrete", "box"]
Step = tuple[Observation, float, bool, bool, dict[str, Any]]
Action = int | np.integer[Any] | npt.NDArray[np.floating[Any]]

NETWORK_SEEDS = 2**31
"""Seeds of traffic, fading and errors are drawn below this."""

_SEED_OPTIONS = frozenset({"topology_seed", "network_seed"})


@dataclass(slots=True)
class _Episode:
    """The state of a running episode."""

    scenario: Scenario
    topology_seed: int
    network_seed: int
    allocation: Allocation
    queues: dict[SliceType, int] = field(default_factory=dict[SliceType, int])
    totals: Totals = field(default_factory=Totals)
    reconfigured: bool = False
    awaits_interval: bool = True  # between the two halves of a reset or step


class RanSlicingEnv(gymnasium.Env[Observation, Action]):
    """Share the downlink PRBs of a network among its slices.

    Observation: five numbers per slice, `state.FIELDS`, slices in the scenario's order.
    Reward: the utility of the step (`UtilityWeights`); `info` has the metrics themselves
    (`spectral_efficiency`, `reconfigured`, `violated`), `allocation`, figures per slice, the network
    time, both seeds, and after the last step `totals`. An episode is truncated after `steps` decisions
    and never terminated. The first decision counts as a reconfiguration if it differs from the initial
    shares of the scenario.

    Args:
        network: Name of a simulator, or a simulator. The environment closes it.
        scenario: Name or path of a scenario, or a scenario. A placed scenario keeps its places.
        action: `discrete` numbers all allocations as `actions.all_allocations` does; `box` has
            a number in [-1, 1] per slice, from no PRB to the whole carrier (`actions.from_box`).
        steps: Decisions in an episode.
        split: Split of the topology seeds that are drawn and accepted.
        weights: Weights of the reward; a mapping names the weights that differ from the paper.
        render_mode: `ansi` makes `render` return the last interval as text.

    Raises:
        ValueError: an argument is invalid.
        TypeError: the render mode is invalid.
        SimulatorError: the network cannot be used here.
    """

    metadata = {"render_modes": ["ansi"], "render_fps": 10}  # noqa: RUF012  # Gymnasium's class attribute

    def __init__(
        self,
        network: str | Simulator = "tti",
        scenario: str | Path | Scenario = "ran-slicing",
        *,
        action: ActionForm = "discrete",
        steps: int = 300,
        split: Split = "training",
        weights: UtilityWeights | Mapping[str, float] | None = None,
        render_mode: Literal["ansi"] | None = None,
    ) -> None:
        self.scenario = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
        _check_arguments(action, steps, split, render_mode)
        if self.scenario.topology_seed is not None:
            require_split(self.scenario.topology_seed, split)
        self.action: ActionForm = action
        self.split: Split = split
        self.steps = steps
        self.weights = UtilityWeights.model_validate(weights or {})
        self.render_mode = render_mode
        self.box = observation_space(self.scenario)
        self.observation_space = cast("spaces.Space[Observation]", self.box)
        slices = len(self.scenario.slices)
        if action == "discrete":
            self._allocations = all_allocations(slices, self.scenario.prbs)
            self.action_space = cast("spaces.Space[Action]", spaces.Discrete(len(self._allocations)))
        else:
            self._allocations = ()
            self.action_space = cast("spaces.Space[Action]", spaces.Box(-1.0, 1.0, (slices,), np.float32))
        self._episode: _Episode | None = None
        self._shown = "no interval yet"
        self.simulator = make_simulator(network) if isinstance(network, str) else network

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Start another network.

        Args:
            seed: Seed of the draws of topology and network seeds, for this and all later episodes.
            options: `topology_seed` and `network_seed` in place of drawn seeds.

        Raises:
            ValueError: an option is unknown, or the topology seed is not of the split.
            SimulatorError: the network does not start.
        """
        placed, network_seed = self.begin_reset(seed=seed, options=options)
        return self.end_reset(self.simulator.reset(placed, seed=network_seed))

    def step(self, action: Action) -> Step:
        """Set the shares and run the network for one decision interval.

        Raises:
            ValueError: the action is not in the action space.
            ResetNeeded: no episode is running.
            SimulatorError: the network failed, and the episode is over.
        """
        self.begin_step(action)
        return self.end_step(self.simulator.advance(self.scenario.decision_interval_ms))

    def render(self) -> str | None:  # pyright: ignore[reportIncompatibleMethodOverride] - ansi is text
        """The last interval as text, or None without a render mode."""
        return self._shown if self.render_mode == "ansi" else None

    def close(self) -> None:
        """Stop the network."""
        self._episode = None
        self.simulator.close()

    # ------------------------------------------------------------------ halves, for many networks at once
    def begin_reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Scenario, int]:
        """The first half of `reset`: the placed scenario and the network seed."""
        super().reset(seed=seed)
        given = _seed_options(options)
        seeds = SPLITS[self.split]
        # both are drawn even if one is given, so that a given seed does not change the other
        topology_seed = int(self.np_random.integers(seeds.start, seeds.stop))
        network_seed = int(self.np_random.integers(NETWORK_SEEDS))
        fixed = self.scenario.topology_seed
        topology_seed = given.get("topology_seed", topology_seed if fixed is None else fixed)
        network_seed = given.get("network_seed", network_seed)
        require_split(topology_seed, self.split)
        if fixed is not None and topology_seed != fixed:
            raise ValueError(f"the scenario is placed with topology seed {fixed}, not {topology_seed}")
        placed = self.scenario if fixed is not None else self.scenario.placed(topology_seed)
        self._episode = _Episode(placed, topology_seed, network_seed, initial_allocation(placed))
        return placed, network_seed

    def end_reset(self, interval: Interval) -> tuple[Observation, dict[str, Any]]:
        """The second half of `reset`, with the interval that the simulator measured."""
        episode = self._running(awaits_interval=True)
        episode.queues = queues(interval)
        episode.awaits_interval = False
        self._shown = self._text(interval, episode, "start")
        return self._observe(interval, episode), self._facts(interval, episode)

    def begin_step(self, action: Action) -> None:
        """The first half of `step`: check the action and set the shares."""
        episode = self._running(awaits_interval=False)
        allocation = self.allocation_of(action)
        episode.reconfigured = allocation != episode.allocation
        episode.awaits_interval = True
        if episode.reconfigured or episode.totals.steps == 0:  # the initial shares may lend PRBs
            self.simulator.apply(prb_policy(episode.scenario, allocation))
        episode.allocation = allocation

    def end_step(self, interval: Interval) -> Step:
        """The second half of `step`, with the interval that the simulator measured."""
        episode = self._running(awaits_interval=True)
        metrics = StepMetrics.of(interval, reconfigured=episode.reconfigured)
        episode.totals = episode.totals.plus(metrics, self.weights)
        observation = self._observe(interval, episode)
        episode.queues = queues(interval)
        episode.awaits_interval = False
        reward = metrics.utility(self.weights)
        info = {
            "spectral_efficiency": metrics.spectral_efficiency,
            "reconfigured": metrics.reconfigured,
            "violated": metrics.violated,
            **self._facts(interval, episode),
        }
        self._shown = self._text(interval, episode, f"reward {reward:.1f}")
        truncated = episode.totals.steps >= self.steps
        if truncated:
            info["totals"] = episode.totals.as_info()
            self._episode = None
        return observation, reward, False, truncated, info

    def allocation_of(self, action: Action) -> Allocation:
        """The allocation of an action, in PRBs per slice.

        Raises:
            ValueError: the action is not in the action space.
        """
        if self.action == "box":
            numbers = np.asarray(action, np.float32)
            if not self.action_space.contains(numbers):
                raise ValueError(
                    f"an action is {len(self.scenario.slices)} numbers in [-1, 1], not {action!r}"
                )
            return from_box(numbers, self.scenario.prbs)
        if not self.action_space.contains(action):
            raise ValueError(f"an action is a number below {len(self._allocations)}, not {action!r}")
        return self._allocations[int(cast("int", action))]

    # ------------------------------------------------------------------ what an interval becomes
    def _running(self, *, awaits_interval: bool) -> _Episode:
        if self._episode is None or self._episode.awaits_interval != awaits_interval:
            raise ResetNeeded("no episode is running: it ended, failed or never began; call reset first")
        return self._episode

    def _observe(self, interval: Interval, episode: _Episode) -> Observation:
        return observe(interval, episode.allocation, episode.queues, episode.scenario, self.box)

    def _facts(self, interval: Interval, episode: _Episode) -> dict[str, Any]:
        milliseconds = interval.end_ms - interval.start_ms
        return {
            "allocation": np.array(episode.allocation, np.int64),
            "slices": {
                slice_.type.value: slice_facts(interval.slices[slice_.type], milliseconds)
                for slice_ in episode.scenario.slices
            },
            "network_time_ms": interval.end_ms,
            "topology_seed": episode.topology_seed,
            "network_seed": episode.network_seed,
        }

    def _text(self, interval: Interval, episode: _Episode, note: str) -> str:
        if self.render_mode is None:
            return ""
        lines = [f"{interval.end_ms / 1e3:.1f} s, {note}"]
        for slice_, prbs in zip(episode.scenario.slices, episode.allocation, strict=True):
            measured = interval.slices[slice_.type]
            flow = measured.flow
            lines.append(
                f"{slice_.type.value:>6} {prbs:3} PRBs {measured.spectral_efficiency:5.2f} bit/s/Hz "
                f"{flow.throughput_mbps:6.2f} Mbit/s, p95 {flow.latency_p95_ms:7.1f} ms, "
                f"late {flow.late_packets}, lost {flow.lost_packets}"
            )
        return "\n".join(lines)


def _check_arguments(action: str, steps: object, split: str, render_mode: str | None) -> None:
    if action not in ("discrete", "box"):
        raise ValueError(f"action is discrete or box, not {action!r}")
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
        raise ValueError(f"an episode has a whole number of steps, at least one, not {steps!r}")
    if split not in SPLITS:
        raise ValueError(f"split is {' or '.join(SPLITS)}, not {split!r}")
    if render_mode not in (None, "ansi"):
        # Stable-Baselines3's make_vec_env asks for rgb_array, and only a TypeError makes it ask for nothing
        raise TypeError(f"render_mode is None or ansi, not {render_mode!r}")


def _seed_options(options: dict[str, Any] | None) -> dict[str, int]:
    """The options, checked to be seeds."""
    seeds: dict[str, int] = {}
    for name, value in (options or {}).items():
        if name not in _SEED_OPTIONS:
            raise ValueError(f"no option {name!r}; there are {', '.join(sorted(_SEED_OPTIONS))}")
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
            raise ValueError(f"{name} is a whole number from 0 on, not {value!r}")
        seeds[name] = int(cast("int", value))
    return seeds
