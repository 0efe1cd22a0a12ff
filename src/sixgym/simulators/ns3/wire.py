"""The line protocol of the ns-3 program: scenarios and changes as text.

Floats are written by `repr`, so the program reads the same numbers.
"""

from collections.abc import Iterator

from sixgym.domain.change import (
    Change,
    Fly,
    HandOver,
    InjectFault,
    MoveToSlice,
    Offload,
    ScaleTraffic,
    SetPrbPolicy,
)
from sixgym.domain.faults import (
    BackhaulDegradation,
    CellOutage,
    CellPowerDrop,
    EdgeOverload,
    FaultEvent,
    HandoverFailure,
    Interferer,
    TrafficSurge,
)
from sixgym.domain.geometry import Position
from sixgym.domain.network import Airframe, Group
from sixgym.domain.radio import Emitter
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import RrmPolicyRatio
from sixgym.domain.traffic import Constant, OnOff, Traffic
from sixgym.simulators.base import SimulatorError

Word = str | int | float


def config_lines(scenario: Scenario, seed: int, fading_path: str | None) -> Iterator[str]:
    """The lines that describe a placed scenario. A name is declared before it is used."""
    channel, radio, handover = scenario.channel, scenario.radio, scenario.handover
    topology_seed = placed_seed(scenario)
    yield _line("scenario", seed, scenario.decision_interval_ms, scenario.warm_up_ms)
    yield _line(
        "channel", channel.frequency_mhz, channel.path_loss, int(channel.shadowing), channel.noise_figure_db
    )
    if fading_path is not None:
        yield _line("fading", fading_path)
    yield _line(
        "radio",
        scenario.prbs,
        radio.mimo_layers,
        radio.link_adaptation,
        radio.cqi_period_ms,
        radio.rlc_buffer_bytes,
        radio.loss_timeout_ms,
    )
    yield _line("handover", handover.algorithm, handover.hysteresis_db, handover.time_to_trigger_ms)
    yield _line("backhaul", scenario.backhaul.delay_ms, scenario.backhaul.rate_mbps)
    for cell in scenario.cells:
        yield emitter_line(Emitter.of(cell, topology_seed))
        yield _line("cell", cell.id, cell.tx_power_dbm)
    for slice_ in scenario.slices:
        bound = [] if slice_.sla.max_latency_ms is None else [slice_.sla.max_latency_ms]
        yield _line("slice", slice_.type, *_policy(slice_.policy), *bound)
    for node in scenario.compute:
        yield _line(
            "node", node.id, node.megacycles_per_s, node.link_delay_ms, node.background_load, node.queue_limit
        )
    for group in scenario.groups:
        yield from _group_lines(group)
    for fault in scenario.faults:
        yield from fault_lines(fault, topology_seed)


def placed_seed(scenario: Scenario) -> int:
    """The topology seed of a placed scenario.

    Raises:
        ValueError: the scenario is not placed.
    """
    if scenario.topology_seed is None or not scenario.is_placed:
        raise ValueError(f"scenario {scenario.name} is not placed: call Scenario.placed(topology_seed)")
    return scenario.topology_seed


def command_lines(change: Change, scenario: Scenario) -> Iterator[str]:
    """The command lines for a change."""
    match change:
        case SetPrbPolicy(policies):
            words: list[Word] = []
            for kind, policy in policies.items():
                words += [kind, *_policy(policy)]
            yield _line("policy", *words)
        case MoveToSlice(group, slice_):
            yield _line("move", group, slice_)
        case ScaleTraffic(group, factor):
            yield _line("scale", group, factor)
        case Offload(group, node):
            yield _line("offload", group, node)
        case HandOver(device, cell):
            yield _line("handover", device, cell)
        case Fly(device, waypoints, speed_mps):
            yield _line("fly", device, speed_mps, *(word for point in waypoints for word in _point(point)))
        case InjectFault(fault):
            yield from fault_lines(fault, placed_seed(scenario))


def emitter_line(emitter: Emitter) -> str:
    """A transmitter with the coefficients of its two fields."""
    waves = (
        value
        for field in (emitter.sight, emitter.shadow)
        for values in (field.kx, field.ky, field.phase)
        for value in values.tolist()
    )
    return _line(
        "emitter",
        emitter.id,
        *_point(emitter.position),
        emitter.antenna,
        emitter.antenna_gain_dbi,
        emitter.azimuth_deg,
        *waves,
    )


def fault_lines(fault: FaultEvent, topology_seed: int) -> Iterator[str]:
    """The line of a fault, after the line of its transmitter if the fault is an interferer."""
    what: tuple[Word, ...]
    match fault:
        case Interferer():
            emitter = Emitter.interferer(fault.position, topology_seed)
            yield emitter_line(emitter)
            what = (emitter.id, fault.power_dbm)
        case CellPowerDrop():
            what = (fault.cell, fault.drop_db)
        case CellOutage() | HandoverFailure():
            what = (fault.cell,)
        case TrafficSurge():
            what = (fault.group, fault.factor)
        case BackhaulDegradation():
            what = (fault.cell, fault.delay_ms, fault.loss_ratio)
        case EdgeOverload():
            what = (fault.node, fault.background_load)
    yield _line("fault", fault.kind, fault.start_ms, fault.duration_ms, *what)


def _group_lines(group: Group) -> Iterator[str]:
    yield _line("group", group.name, group.slice, *_traffic(group.traffic))
    if group.workload is not None:
        demand = group.workload
        airframe = group.airframe or Airframe()  # a device on the ground computes as fast as a default UAV
        yield _line(
            "workload",
            group.name,
            demand.rate_hz,
            demand.request_bytes,
            demand.response_bytes,
            demand.megacycles,
            demand.runs_on,
            airframe.onboard_megacycles_per_s,
        )
    speed_mps = group.airframe.cruise_speed_mps if group.airframe else 0.0
    routes = group.routes or ((),) * group.count
    for device, position, route in zip(group.device_ids, group.positions, routes, strict=True):
        way = (word for point in route for word in _point(point))
        yield _line("device", device, group.name, *_point(position), speed_mps, *way)


def _traffic(traffic: Traffic) -> tuple[Word, ...]:
    if isinstance(traffic, OnOff):
        return ("on_off", traffic.rate_mbps, traffic.packet_bytes, traffic.mean_on_s, traffic.mean_off_s)
    if isinstance(traffic, Constant):
        return ("constant", traffic.rate_mbps, traffic.packet_bytes)
    return ("periodic", traffic.interval_ms, traffic.packet_bytes)


def _policy(policy: RrmPolicyRatio) -> tuple[int, int, int]:
    return (policy.dedicated, policy.min, policy.max)


def _point(point: Position) -> tuple[float, float, float]:
    return (point.x_m, point.y_m, point.z_m)


def _line(*words: Word) -> str:
    """The words as one line.

    Raises:
        SimulatorError: a word holds a control character, which could begin another line.
    """
    line = " ".join(word if isinstance(word, str) else repr(word) for word in words)
    if not line.isprintable():
        raise SimulatorError(
            f"a line for ns-3 holds control characters: {line[:80]!r}; remove them from the scenario"
        )
    return line
