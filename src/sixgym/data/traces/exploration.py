"""Explorations: episodes with varied networks, many faults and calls of every kind.

An exploration shows how a network responds. It has a number: the same number is the same network and the same
intended calls on every simulator. Faults, and calls with an effect on the network, are far more frequent than
in the work of an agent. Every row has the probability of its call, so that rows can be weighted back.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from pydantic import JsonValue

from sixgym.agents.rules.arguments import draw_arguments
from sixgym.domain import faults
from sixgym.domain.faults import FaultEvent
from sixgym.domain.geometry import Position
from sixgym.domain.intent import Goal, Target
from sixgym.domain.scenario import Scenario
from sixgym.domain.snapshot import Snapshot
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Task, ToolCall, Turn
from sixgym.tasks.build.networks import MANAGEMENT_SCENARIOS, vary
from sixgym.tools.base import CATALOG

STEPS = 20
"""Calls of an exploration, and its intervals: the network does not run on after the last call."""

FLEETS = (2, 3, 4)
"""Numbers of UAVs, equally probable."""

EFFECTIVE_SHARE = 0.6
"""Share of the calls with an effect on the network; the other tools share the rest equally."""

FAULTS = (0, 1, 1, 2, 2, 3)
"""Numbers of faults in an exploration, equally probable."""

_EFFECTIVE = {
    "trigger_slice_reallocation": 0.3,
    "switch_network_slice": 0.15,
    "edge_offload": 0.15,
    "graceful_degradation": 0.15,
    "request_handover": 0.15,
    "set_waypoint": 0.05,
    "adjust_altitude": 0.05,
}
"""Shares of the effective calls: the four configuration tools, and the commands that move a radio link."""

_ALTITUDES_M = (20.0, 120.0)
_SPEEDS_MPS = (2.0, 18.0)
_FULL_FPS = 30


def tool_probabilities() -> Mapping[str, float]:
    """Probability of each tool in an exploration; the sum is 1."""
    others = [name for name in CATALOG if name not in _EFFECTIVE]
    rest = dict.fromkeys(others, (1 - EFFECTIVE_SHARE) / len(others))
    return {**rest, **{name: EFFECTIVE_SHARE * share for name, share in _EFFECTIVE.items()}}


def exploration(number: int, topology_seeds: Sequence[int], *, replicate: int = 0) -> Task:
    """The network of an exploration, as a task whose goal is always met.

    Args:
        number: Number of the exploration; scenarios and topology seeds alternate with it.
        topology_seeds: Topology seeds to choose from.
        replicate: Number of the replicate. Replicates have the same network and the same intended calls, and
            other traffic and fading: the difference between two replicates is that of chance alone.
    """
    rng = random.Random(f"exploration/{number}")
    scenario = MANAGEMENT_SCENARIOS[number % len(MANAGEMENT_SCENARIOS)]
    place = topology_seeds[number // len(MANAGEMENT_SCENARIOS) % len(topology_seeds)]
    network = vary(scenario, place, rng, fleet=FLEETS)
    struck = network.model_copy(update={"faults": _faults(network, rng)})
    managed = next(group for group in struck.groups if group.name == struck.managed)
    sla = next(one.sla for one in struck.slices if one.type is managed.slice)
    seed = int.from_bytes(random.Random(f"exploration/{number}/{replicate}").randbytes(4), "big") >> 1
    return Task(
        id=f"exploration-{number}-{replicate}",
        intent="See how the network answers.",
        scenario=Scenario.model_validate(struck.model_dump()),
        seed=seed,
        sla=sla,
        goal=Goal(
            window=1,
            targets=(Target(metric="latency_ms", group=managed.name, condition="IS_LESS_THAN", value=1e6),),
        ),
        max_steps=STEPS,
        horizon=STEPS,
    )


# ---------------------------------------------------------------------- faults
def _faults(network: Scenario, rng: random.Random) -> tuple[FaultEvent, ...]:
    """Faults of different kinds, anywhere in the episode."""
    kinds = rng.sample(_FAULTS, rng.choice(FAULTS))
    interval_ms = network.decision_interval_ms
    drawn: list[FaultEvent] = []
    for kind in kinds:
        start_ms = rng.randrange(0, STEPS - 2) * interval_ms
        duration_ms = rng.randint(2, STEPS) * interval_ms
        drawn.append(kind(network, rng, start_ms, duration_ms))
    return tuple(sorted(drawn, key=lambda fault: fault.start_ms))


def _cell(network: Scenario, rng: random.Random) -> str:
    return rng.choice(network.cells).id


def _interferer(network: Scenario, rng: random.Random, start_ms: int, duration_ms: int) -> FaultEvent:
    near = rng.choice(network.cells).position
    position = Position(
        x_m=round(near.x_m + rng.uniform(-200, 200), 1),
        y_m=round(near.y_m + rng.uniform(-200, 200), 1),
        z_m=round(rng.uniform(2, 60), 1),
    )
    power_dbm = round(rng.uniform(0, 30), 1)
    return faults.Interferer(
        start_ms=start_ms, duration_ms=duration_ms, position=position, power_dbm=power_dbm
    )


def _power_drop(network: Scenario, rng: random.Random, start_ms: int, duration_ms: int) -> FaultEvent:
    drop_db = round(rng.uniform(3, 40), 1)
    cell = _cell(network, rng)
    return faults.CellPowerDrop(start_ms=start_ms, duration_ms=duration_ms, cell=cell, drop_db=drop_db)


def _outage(network: Scenario, rng: random.Random, start_ms: int, duration_ms: int) -> FaultEvent:
    return faults.CellOutage(start_ms=start_ms, duration_ms=duration_ms, cell=_cell(network, rng))


def _surge(network: Scenario, rng: random.Random, start_ms: int, duration_ms: int) -> FaultEvent:
    group, factor = rng.choice(network.groups).name, round(rng.uniform(1.5, 8), 2)
    return faults.TrafficSurge(start_ms=start_ms, duration_ms=duration_ms, group=group, factor=factor)


def _backhaul(network: Scenario, rng: random.Random, start_ms: int, duration_ms: int) -> FaultEvent:
    return faults.BackhaulDegradation(
        start_ms=start_ms,
        duration_ms=duration_ms,
        cell=_cell(network, rng),
        delay_ms=round(rng.uniform(5, 200), 1),
        loss_ratio=rng.choice((0.0, round(rng.uniform(0.01, 0.4), 3))),
    )


def _overload(network: Scenario, rng: random.Random, start_ms: int, duration_ms: int) -> FaultEvent:
    node, load = rng.choice(network.compute).id, round(rng.uniform(0.6, 2), 2)
    return faults.EdgeOverload(start_ms=start_ms, duration_ms=duration_ms, node=node, background_load=load)


def _no_handover(network: Scenario, rng: random.Random, start_ms: int, duration_ms: int) -> FaultEvent:
    return faults.HandoverFailure(start_ms=start_ms, duration_ms=duration_ms, cell=_cell(network, rng))


_FAULTS: tuple[Callable[[Scenario, random.Random, int, int], FaultEvent], ...] = (
    _interferer,
    _power_drop,
    _outage,
    _surge,
    _backhaul,
    _overload,
    _no_handover,
)


# ---------------------------------------------------------------------- calls
@dataclass(frozen=True, slots=True)
class Explorer:
    """Makes calls of every kind. Unlike an agent it reads the snapshot, so that its calls name real objects.

    Attributes:
        number: Number of the exploration, which seeds the calls.
        look: Returns the snapshot that tools see now.
        name: Name of the agent in episodes.
    """

    number: int
    look: Callable[[], Snapshot]
    name: str = "explorer"

    def act(self, observation: Observation) -> Turn:
        """A call drawn for this step."""
        rng = random.Random(f"explorer/{self.number}/{len(observation.history)}")
        odds = tool_probabilities()
        tool = rng.choices(list(odds), weights=list(odds.values()))[0]
        arguments = draw_arguments(CATALOG[tool], observation, rng)
        sensible = _SENSIBLE.get(tool)
        if sensible is not None:
            arguments |= sensible(self.look(), arguments, rng)
        return Turn(thought="to see what it does", call=ToolCall(tool=tool, arguments=arguments))


Arguments = dict[str, JsonValue]


def _reallocation(world: Snapshot, _: Arguments, rng: random.Random) -> Arguments:
    policies = world.resources.policies
    kind = rng.choice(list(policies))
    free = 100 - sum(policy.min for other, policy in policies.items() if other is not kind)
    low = rng.randint(0, max(0, free))
    high = 100 if rng.random() < 0.4 else rng.randint(max(low, 10), 100)
    dedicated = rng.choice((0, low, rng.randint(0, low)))
    return {"slice": kind.value, "resources": {"dedicated": dedicated, "min": low, "max": high}}


def _switch(world: Snapshot, _: Arguments, rng: random.Random) -> Arguments:
    now = world.active_slice
    others = [kind.value for kind in world.resources.policies if kind is not now]
    return {"from_slice": now.value, "to_slice": rng.choice(others)}


def _offload(world: Snapshot, _: Arguments, rng: random.Random) -> Arguments:
    group = rng.choice([group for group in world.scenario.groups if group.workload is not None])
    assert group.workload is not None
    nodes = [node.id for node in world.scenario.compute] + (["onboard"] if group.airframe else [])
    node = rng.choice([node for node in nodes if node != world.resources.runs_on[group.name]])
    task: JsonValue = {"id": group.name, "megacycles": group.workload.megacycles}
    return {"task": task, "target": {"node": node}}


def _degradation(world: Snapshot, _: Arguments, rng: random.Random) -> Arguments:
    spec: Arguments = {"duration_s": round(rng.uniform(0.5, 6), 1)}
    group = rng.choice(world.scenario.groups)
    if rng.random() < 0.8:
        spec["group"] = group.name
    else:
        spec["slice"] = rng.choice(world.scenario.slices).type.value
    action = rng.choice(("cap_bitrate", "drop_fps", "reduce_rate", "shed_flow"))
    spec["action"] = action
    if action == "cap_bitrate":
        spec["value"] = round(rng.uniform(0.05, 1.0) * group.traffic.rate_mbps, 3)
    elif action == "drop_fps":
        spec["value"] = rng.randint(3, _FULL_FPS - 1)
    elif action == "reduce_rate":
        spec["value"] = round(rng.uniform(0.1, 0.95), 2)
    return {"spec": spec}


def _handover(world: Snapshot, drawn: Arguments, rng: random.Random) -> Arguments:
    serving = world.interval.devices[cast("str", drawn["uav"])].cell
    return {"gnb": rng.choice([cell.id for cell in world.scenario.cells if cell.id != serving])}


def _altitude(_: Snapshot, __: Arguments, rng: random.Random) -> Arguments:
    return {"altitude_m": round(rng.uniform(*_ALTITUDES_M), 1)}


def _speed(_: Snapshot, __: Arguments, rng: random.Random) -> Arguments:
    return {"speed_mps": round(rng.uniform(*_SPEEDS_MPS), 1)}


def _avoidance(world: Snapshot, drawn: Arguments, _: random.Random) -> Arguments:
    return {"position": world.uavs[cast("str", drawn["uav"])].position.model_dump(mode="json")}


def _priority(world: Snapshot, drawn: Arguments, rng: random.Random) -> Arguments:
    return {"other": rng.choice([name for name in world.uavs if name != drawn["uav"]])}


_SENSIBLE: Mapping[str, Callable[[Snapshot, Arguments, random.Random], Arguments]] = {
    "trigger_slice_reallocation": _reallocation,
    "switch_network_slice": _switch,
    "edge_offload": _offload,
    "graceful_degradation": _degradation,
    "request_handover": _handover,
    "adjust_altitude": _altitude,
    "adjust_speed": _speed,
    "collision_avoidance": _avoidance,
    "negotiate_priority": _priority,
}
"""Arguments that depend on the snapshot, for tools that refuse most arguments of their schema."""
