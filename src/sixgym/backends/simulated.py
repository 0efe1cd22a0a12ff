"""A backend on a simulator: a tool acts, the network runs, the consequence is measured."""

from collections import deque
from dataclasses import replace
from typing import cast

from sixgym.backends.base import Transition
from sixgym.backends.world import World
from sixgym.domain.base import Record
from sixgym.domain.change import InjectFault
from sixgym.domain.faults import FaultEvent
from sixgym.domain.measurement import Interval
from sixgym.domain.mission import Ledger, UavLedger
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import NetworkState
from sixgym.domain.snapshot import Snapshot
from sixgym.episodes.episode import BackendInfo, Outcome, ToolCall
from sixgym.simulators.base import Simulator
from sixgym.tools.base import CommandResult, Effect, Tool, ToolError, find

REMEMBERED_INTERVALS = 32
"""Intervals in a snapshot: more than the 30 intervals of the longest task of the benchmark."""


class SimulatedBackend:
    """A network that a simulator runs.

    Every call takes one decision interval of network time. The call acts first, then the network runs, so
    the measurements of the interval show the consequence of the call.

    Args:
        simulator: The simulator. The backend resets it and closes it.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._world: World | None = None
        self._scenario: Scenario | None = None
        self._recent: deque[Interval] = deque(maxlen=REMEMBERED_INTERVALS)
        self._version = 0
        self._snapshot: Snapshot | None = None

    @property
    def info(self) -> BackendInfo:
        """Name and version of the simulator."""
        return BackendInfo(name=self._simulator.name, version=self._simulator.version)

    @property
    def snapshot(self) -> Snapshot:
        """The current world, as tools see it.

        Raises:
            RuntimeError: `reset` was not called.
        """
        if self._snapshot is None:
            raise RuntimeError("call reset() first")
        return self._snapshot

    def reset(self, scenario: Scenario, *, seed: int) -> tuple[NetworkState, Interval]:
        """Start the network of a placed scenario; its state and interval at time 0."""
        self._snapshot = None
        interval = self._simulator.reset(scenario, seed=seed)
        # tools read the scenario in the snapshot, where the future must not show
        self._scenario = scenario.model_copy(update={"faults": (), "tasks": ()})
        self._world = World(scenario)
        self._recent.clear()
        self._version = 0
        interval = self._advanced(self._world, interval)
        return self.snapshot.state, interval

    def execute(self, call: ToolCall, fault: FaultEvent | None = None) -> Transition:
        """Carry out a call and run the network for one decision interval."""
        before = self.snapshot.state
        if fault is not None:
            self._simulator.apply(InjectFault(fault))
        tool = None
        try:
            tool = find(call.tool)
            outcome = self._carry_out(tool, call)
        except ToolError as error:
            tool, outcome = None, Outcome(error=str(error))
        interval = self.idle()
        if tool is not None and tool.reply is not None:
            outcome = Outcome(result=tool.output.dump_python(tool.reply(self.snapshot), mode="json"))
        return Transition(outcome, before, self.snapshot.state, interval)

    def idle(self) -> Interval:
        """Run the network for one decision interval."""
        if self._world is None or self._scenario is None:
            raise RuntimeError("call reset() first")
        for change in self._world.expired():
            self._simulator.apply(change)
            self._world.record(change)
        interval = self._simulator.advance(self._scenario.decision_interval_ms)
        return self._advanced(self._world, interval)

    @property
    def state(self) -> NetworkState:
        """The six-dimensional state now."""
        return self.snapshot.state

    @property
    def ledger(self) -> Ledger:
        """The current ledger of every UAV."""
        return Ledger(
            uavs={
                name: UavLedger(
                    tasks=uav.tasks, sensors=tuple(kind for kind, _ in uav.sensors), inbox=uav.inbox
                )
                for name, uav in self.snapshot.uavs.items()
            }
        )

    def close(self) -> None:
        """Stop the simulator."""
        self._snapshot = None
        self._simulator.close()

    # ------------------------------------------------------------------ inside
    def _carry_out(self, tool: Tool, call: ToolCall) -> Outcome:
        """Run the tool and apply its effect. A ToolError is raised before any effect."""
        assert self._world is not None
        value = tool.run(tool.parse(call.arguments), self.snapshot)
        if tool.effect is Effect.COMMAND:
            result = cast("CommandResult[Record]", value)
            for command in result.commands:
                change = self._world.execute(command)
                if change is not None:
                    self._simulator.apply(change)
            value = result.reply
        elif tool.effect is Effect.CONFIGURATION:
            self._simulator.apply(value)
            self._world.record(value)
            return Outcome()
        return Outcome(result=tool.output.dump_python(value, mode="json"))

    def _advanced(self, world: World, interval: Interval) -> Interval:
        """Advance the world by a measured interval, complete the interval from it, and take a snapshot."""
        assert self._scenario is not None
        for landing in world.advance(interval):
            self._simulator.apply(landing)
        interval = replace(
            interval,
            traffic_share=world.degraded(),
            battery_percent={name: uav.battery_percent for name, uav in world.uavs.items()},
        )
        if self._recent:
            self._version += 1
        self._recent.append(interval)
        self._snapshot = Snapshot(
            scenario=self._scenario,
            version=self._version,
            interval=interval,
            recent=tuple(self._recent),
            resources=world.resources,
            uavs=dict(world.uavs),
            mission=world.mission,
        )
        return interval
