"""Cases of one action each: a call of a configuration tool, or a fault, on an otherwise unchanged network."""

import hashlib
import random
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count

from sixgym.backends.simulated import SimulatedBackend
from sixgym.data.traces.exploration import Explorer, exploration
from sixgym.domain import faults
from sixgym.domain.base import Name, Record
from sixgym.domain.faults import FaultEvent
from sixgym.domain.network import Group
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.domain.snapshot import Snapshot
from sixgym.envs.observation import observe
from sixgym.episodes.episode import Task, ToolCall
from sixgym.simulators.base import Simulator
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.build.networks import MANAGEMENT_SCENARIOS
from sixgym.tools.base import ToolError, find

TOOLS = ("trigger_slice_reallocation", "switch_network_slice", "edge_offload", "graceful_degradation")
FAULTS = (
    "interferer",
    "cell_power_drop",
    "cell_outage",
    "traffic_surge",
    "backhaul_degradation",
    "edge_overload",
    "handover_failure",
)
KINDS = (*TOOLS, *FAULTS)

INTERVALS_BEFORE = 3
"""Intervals before the action, in which queues fill up under the standing condition."""

INTERVALS_AFTER = 3
"""Measured intervals after the interval of the action."""

NEUTRAL = ToolCall(tool="check_network_state", arguments={})

_FIRST = 300_000
"""Number of the first exploration that is tried; the explorations of traces begin at 0."""

_EXPLORATIONS_PER_KIND, _EXPLORATIONS_PER_CASE = 3_008, 31
"""Distance between the first explorations of two kinds, and of two cases of a kind, so that cases differ."""

_DRAWS = 2_000
"""Draws of a call after which an exploration is given up; the next one is tried."""

_SURGE_FACTOR, _DROP_DB = (3.0, 8.0), (8.0, 20.0)
"""Ranges of the standing conditions."""

_HEARD_DBM = 20.0
"""Power from which on an interferer has an effect."""

_FOR_GOOD_MS = 600_000
"""Longer than any run."""

_DRY_RUN = partial(make_simulator, "tti")


class EffectCase(Record):
    """One network and one action.

    Attributes:
        id: Kind and number of the case.
        kind: Name of a tool, or kind of a fault.
        network: The placed scenario, with hovering UAVs, under a standing condition from the start.
        call: The call at the time of the action, in runs with the action.
        neutral: The call at that time, in runs without the action.
        fault: The fault at that time, in runs with the action; None where the action is a call.
    """

    id: Name
    kind: Name
    network: Scenario
    call: ToolCall
    neutral: ToolCall
    fault: FaultEvent | None

    @property
    def digest(self) -> str:
        """A digest that changes with the case."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]

    @property
    def struck(self) -> Scenario:
        """The network with the fault of the action on its timeline."""
        if self.fault is None:
            return self.network
        return self.network.model_copy(update={"faults": (*self.network.faults, self.fault)})

    @property
    def action(self) -> str:
        """The action in a line."""
        if self.fault is None:
            return f"{self.call.tool} {self.call.model_dump_json(include={'arguments'})}"
        return self.fault.model_dump_json(exclude={"start_ms", "duration_ms"})


def effect_cases(
    count_per_kind: int,
    seeds: Sequence[int],
    dry_run_on: Callable[[], Simulator] = _DRY_RUN,
) -> tuple[EffectCase, ...]:
    """Cases of every kind, with scenarios and topology seeds in turn. A larger number only adds cases.

    Networks, faults and arguments are those of explorations. A call is drawn again until its tool accepts it
    on the simulator of the dry run. On another simulator the tool may still refuse it, for other
    measurements.

    Args:
        count_per_kind: Number of cases of every tool and every fault.
        seeds: Topology seeds.
        dry_run_on: Makes the simulator of the dry run.
    """
    if count_per_kind < 1:
        raise ValueError(f"{count_per_kind} cases of a kind are none: ask for at least 1")
    if not seeds:
        raise ValueError("there is no topology seed to place networks with: give at least 1")
    backend = SimulatedBackend(dry_run_on())
    try:
        # kinds alternate, so that unfinished runs are balanced
        return tuple(
            _case(backend, kind, number, seeds) for number in range(count_per_kind) for kind in KINDS
        )
    finally:
        backend.close()


def _case(backend: SimulatedBackend, kind: str, number: int, seeds: Sequence[int]) -> EffectCase:
    turns, index = len(MANAGEMENT_SCENARIOS), KINDS.index(kind)
    first = (
        _FIRST
        + turns * (_EXPLORATIONS_PER_KIND * index + _EXPLORATIONS_PER_CASE * number)
        + (number + index) % turns
    )
    name = f"{kind}-{number}"
    for at in count(first, turns):  # the scenario stays the same
        task = exploration(at, seeds)
        fault = next((fault for fault in task.scenario.faults if fault.kind == kind and _heard(fault)), None)
        if kind in FAULTS and fault is None:
            continue
        still, rng = _hovering(task.scenario), random.Random(f"effect/{name}")
        standing = _surge(still.groups, rng) if number % 2 else _weak_cell(still, rng)
        task = task.model_copy(update={"scenario": _under(still, standing)})
        if fault is None:
            call = next(_accepted(backend, kind, at, task), None)
        else:
            call = _meanwhile(backend, fault, task)
        if call is None:
            continue
        if kind == "trigger_slice_reallocation":  # PRBs matter to a slice that wants more than it has
            standing = _surge(_with_traffic(still, call), rng)
        return EffectCase(
            id=name,
            kind=kind,
            network=_under(still, standing),
            call=call,
            neutral=NEUTRAL if fault is None else call,
            fault=_timed(fault, still),
        )
    raise AssertionError("numbers do not end")


def _timed(fault: FaultEvent | None, network: Scenario) -> FaultEvent | None:
    if fault is None:
        return None
    at_ms = INTERVALS_BEFORE * network.decision_interval_ms
    return fault.model_copy(update={"start_ms": at_ms, "duration_ms": _FOR_GOOD_MS})


def _heard(fault: FaultEvent) -> bool:
    """Whether a fault has an effect: weak interferers have none anywhere."""
    return not isinstance(fault, faults.Interferer) or fault.power_dbm >= _HEARD_DBM


# ---------------------------------------------------------------------- networks
def _hovering(network: Scenario) -> Scenario:
    """The network without its faults, in which no UAV moves."""
    groups = tuple(_stays(group) for group in network.groups)
    return network.model_copy(update={"groups": groups, "faults": ()})


def _stays(group: Group) -> Group:
    if group.airframe is None:
        return group
    airframe = group.airframe.model_copy(update={"waypoints": (), "waypoint_area": None})
    return group.model_copy(update={"airframe": airframe, "routes": ((),) * group.count})


def _under(network: Scenario, standing: FaultEvent) -> Scenario:
    return network.model_copy(update={"faults": (standing,)})


def _surge(groups: Sequence[Group], rng: random.Random) -> FaultEvent:
    """A traffic surge from the start; groups with more traffic are more probable."""
    rates = [group.traffic.packets_per_s * group.traffic.packet_bytes * group.count for group in groups]
    return faults.TrafficSurge(
        start_ms=0,
        duration_ms=_FOR_GOOD_MS,
        group=rng.choices(groups, rates)[0].name,
        factor=round(rng.uniform(*_SURGE_FACTOR), 2),
    )


def _with_traffic(network: Scenario, call: ToolCall) -> tuple[Group, ...]:
    """The groups of the slice of a call; all groups for mMTC, which needs almost no PRBs."""
    assert isinstance(call.arguments, dict)  # its tool has accepted them
    kind = call.arguments["slice"]
    if kind == SliceType.MMTC.value:
        return network.groups
    return tuple(group for group in network.groups if group.slice.value == kind)


def _weak_cell(network: Scenario, rng: random.Random) -> FaultEvent:
    """A power drop, from the start, of the cell of the managed group."""
    place = network.group(network.managed).positions[0]
    return faults.CellPowerDrop(
        start_ms=0,
        duration_ms=_FOR_GOOD_MS,
        cell=min(network.cells, key=lambda cell: place.distance_m(cell.position)).id,
        drop_db=round(rng.uniform(*_DROP_DB), 1),
    )


# ---------------------------------------------------------------------- calls
def _accepted(backend: SimulatedBackend, tool: str, number: int, task: Task) -> Iterator[ToolCall]:
    """Calls that a tool accepts at the time of the action."""
    world = _at_the_action(backend, task)
    observation = observe(task, backend.state, ())
    for draw in range(_DRAWS):
        call = Explorer(number * _DRAWS + draw, lambda: world).act(observation).call
        if call is not None and call.tool == tool and _accepts(world, call):
            yield call


def _meanwhile(backend: SimulatedBackend, fault: FaultEvent, task: Task) -> ToolCall | None:
    """The call at the time of a fault; a handover failure shows only where a handover is requested."""
    if not isinstance(fault, faults.HandoverFailure):
        return NEUTRAL
    world = _at_the_action(backend, task)
    elsewhere = [name for name in world.uavs if world.interval.devices[name].cell != fault.cell]
    if not elsewhere:
        return None
    return ToolCall(tool="request_handover", arguments={"uav": elsewhere[0], "gnb": fault.cell})


def _at_the_action(backend: SimulatedBackend, task: Task) -> Snapshot:
    backend.reset(task.scenario, seed=task.seed)
    for _ in range(INTERVALS_BEFORE):
        backend.execute(NEUTRAL)
    return backend.snapshot


def _accepts(world: Snapshot, call: ToolCall) -> bool:
    tool = find(call.tool)
    try:
        tool.run(tool.parse(call.arguments), world)
    except ToolError:
        return False
    return True
