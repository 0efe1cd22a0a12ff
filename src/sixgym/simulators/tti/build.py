"""The arrays of a network at the beginning of its warm-up, from a placed scenario."""

import math
from collections.abc import Hashable
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sixgym.domain.geometry import Position
from sixgym.domain.network import Cell, Fading, Group
from sixgym.domain.radio import (
    PRB_HZ,
    SUBCARRIERS_PER_PRB,
    THERMAL_NOISE_DBM_HZ,
    Emitter,
    dbm,
    milliwatts,
)
from sixgym.domain.scenario import Scenario
from sixgym.domain.traffic import Constant, OnOff
from sixgym.simulators.fading import PERIOD_MS, fading_file
from sixgym.simulators.tti import state
from sixgym.simulators.tti.kernel import ATTACH, PLAN_BANDS, UPDATE_GAINS, Constants, command
from sixgym.simulators.tti.link import load_link_tables
from sixgym.simulators.tti.radio import AMPLITUDE_STEP
from sixgym.simulators.tti.scheduler import SHARE_PERIOD
from sixgym.simulators.tti.state import HARQ_PROCESSES, MAX_RBGS, MS, NEVER, PDU_RING, Network
from sixgym.simulators.tti.streams import first_uniforms, seeded_streams

SILENT_DBM = -150.0
"""Radiated power of a cell in outage inside the simulation."""

TRAFFIC_STARTS_MS = 250
"""Time by which every device is attached, the same as in the ns-3 program."""

ON_BOARD_QUEUE_LIMIT = 200
"""Tasks that wait on board of a UAV, the default of a compute node."""

# First numbers of the random streams, the same as in the ns-3 program (cpp/network/lte_settings.h): traffic,
# fading and compute tasks of one seed are the same on both.
_DEVICE_STREAM, _PER_DEVICE = 100_000, 100
_TRAFFIC_STREAM = 600_000
_TASK_STREAM = 700_000
_COMPUTE_STREAM = 800_000
_BACKHAUL_STREAM = 900_000
_FADING_STREAM = 1_000_000

_UPLINK_NOISE_FIGURE_DB = 5.0  # ns-3's default of an eNB
_AVERAGE_WINDOW_TTIS = 99  # of the proportional fair average, ns-3's default
_LONGEST_DECAY_TTIS = 4096  # an older average has decayed to its least value
_PACKETS = 64  # on the way to a device; grows when needed
# as random access does on ns-3: first success, time between batches, size of a batch
_FIRST_ATTACHED_TTI, _ATTACHED_EVERY_TTIS = 21, 6
_ATTACHED_AT_ONCE_PER_PRB = 4 / 25


def rbg_prbs(prbs: int) -> int:
    """RBG size of resource allocation type 0, TS 36.213 table 7.1.6.1-1."""
    return 1 if prbs <= 10 else 2 if prbs <= 26 else 3 if prbs <= 63 else 4


def build_constants(scenario: Scenario) -> Constants:
    """The data that no change to the network modifies."""
    tables = load_link_tables()
    size = rbg_prbs(scenario.prbs)
    sizes = np.zeros((16, MAX_RBGS + 1), np.int32)
    for cqi in range(1, 16):
        for rbgs in range(1, scenario.prbs // size + 1):
            sizes[cqi, rbgs] = tables.block_bytes[tables.mcs_of_cqi[cqi], rbgs * size]
    fading: Hashable = scenario.channel.fading  # pyright: ignore[reportAssignmentType] - frozen records hash
    trace = _trace(fading, scenario.channel.frequency_mhz, scenario.prbs)
    share = 1 - 1 / _AVERAGE_WINDOW_TTIS
    noise_db = THERMAL_NOISE_DBM_HZ + 10 * np.log10(PRB_HZ) + _UPLINK_NOISE_FIGURE_DB
    return Constants(
        trace=trace,
        fade_db=10 * np.log10(((trace * AMPLITUDE_STEP) ** 2).mean(axis=1)),
        faintest=(trace.min(axis=1) * AMPLITUDE_STEP) ** 2,
        sizes=sizes,
        mcs_of_cqi=tables.mcs_of_cqi,
        decay=share ** np.arange(_LONGEST_DECAY_TTIS, dtype=np.float64),
        uplink_noise_mw=milliwatts(noise_db),
    )


@lru_cache(maxsize=4)
def _trace(fading: Fading | None, frequency_mhz: float, prbs: int) -> npt.NDArray[np.uint16]:
    """The fading trace as amplitudes in steps of `AMPLITUDE_STEP`: half the size of powers, at 0.02 dB."""
    if fading is None:
        return np.full((1, prbs), round(1 / AMPLITUDE_STEP), np.uint16)
    stored = np.fromfile(fading_file(fading, frequency_mhz, prbs), np.uint8)
    gains = stored[8:].view(np.float32).reshape(PERIOD_MS, prbs)
    return np.rint(np.sqrt(gains) / AMPLITUDE_STEP).clip(1, 65535).astype(np.uint16)


def build_network(scenario: Scenario, seed: int) -> Network:
    """The network at the beginning of its warm-up.

    Raises:
        ValueError: the scenario is not placed.
    """
    if scenario.topology_seed is None:
        raise ValueError(f"scenario {scenario.name} is not placed: call Scenario.placed(topology_seed)")
    devices = list(scenario.devices())
    workloads = [d for d, (group, _, _) in enumerate(devices) if group.workload]
    net = _allocate(scenario, devices, workloads, seed)
    _fill_clock(net.clock[0], scenario)
    _fill_slices(net, scenario)
    for row, cell in enumerate(scenario.cells):
        _fill_cell(net, row, cell, scenario)
    for row, (group, _, position) in enumerate(devices):
        _fill_device(net.devices[row], scenario, group, position)
    _fill_compute(net, scenario, devices, workloads)
    for row, (group, member) in enumerate(_members(scenario)):
        if group.airframe and group.routes:
            speed_mps = group.airframe.cruise_speed_mps
            net = set_route(net, row, group.routes[member], speed_mps, scenario.warm_up_ms * MS)
    for row in range(len(devices)):
        command(net, UPDATE_GAINS, row, 0.0, 0)
    _attach_all(net, scenario)
    return net


def _members(scenario: Scenario) -> list[tuple[Group, int]]:
    return [(group, member) for group in scenario.groups for member in range(group.count)]


def _allocate(
    scenario: Scenario, devices: list[tuple[Group, str, Position]], workloads: list[int], seed: int
) -> Network:
    d, c, s, w = len(devices), len(scenario.cells), len(scenario.slices), len(workloads)
    q = len(scenario.compute) + w
    longest = max((group.workload.rate_hz for group, _, _ in devices if group.workload), default=0.0)
    limits = [node.queue_limit for node in scenario.compute] + [ON_BOARD_QUEUE_LIMIT] * w

    def streams(first: int, per_row: int, rows: list[int], count: int) -> npt.NDArray[np.uint64]:
        numbers = [first + row * per_row + k for row in rows for k in range(count)]
        return seeded_streams(numbers, seed).reshape(len(rows), count, 6)

    nodes = list(range(len(scenario.compute)))
    on_board = streams(_TASK_STREAM + 2, 4, workloads, 2)
    return Network(
        clock=np.zeros(1, state.CLOCK),
        devices=np.zeros(d, state.DEVICE),
        cells=np.zeros(c, state.CELL),
        slices=np.zeros(s, state.SLICE),
        shares=np.zeros((c, s), state.SHARE),
        emitters=np.zeros(c, state.EMITTER),
        packets=np.zeros((d, _PACKETS), state.PACKET),
        pdus=np.zeros((d, PDU_RING), state.PDU),
        blocks=np.zeros((d, HARQ_PROCESSES), state.BLOCK),
        workloads=np.zeros(w, state.WORKLOAD),
        tasks=np.zeros((w, _power_of_two(int(longest * 11) + 16)), state.TASK),
        queues=np.zeros(q, state.QUEUE),
        jobs=np.zeros((q, _power_of_two(max(limits, default=0) + 2)), state.JOB),
        wires=np.zeros(64 + 4 * w, state.WIRE),
        legs=np.zeros((d, 1), state.LEG),
        cqi=np.ones((d, MAX_RBGS), np.uint8),
        gain=np.zeros((c, d)),
        gain_db=np.zeros((c, d)),
        uplink_ttis=np.ones(d, np.int64),
        offset=offsets(list(range(c)), d, seed, scenario.channel.fading is not None),
        rsrp=np.zeros((c, d, 3)),
        delays=np.zeros((d, 4 * _PACKETS), np.float32),
        late=np.zeros((c, s, d * HARQ_PROCESSES), np.int32),
        flights=np.zeros((state.FLIGHT_SLOTS, d * 2 + 1), np.int32),
        bands=np.zeros((SHARE_PERIOD, s, 4), np.int64),
        grid=np.zeros((SHARE_PERIOD, MAX_RBGS), np.int32),
        owners=np.zeros((c, MAX_RBGS), np.int32),
        soft=np.zeros((d, HARQ_PROCESSES, 2, 4)),
        source_streams=streams(_TRAFFIC_STREAM, 3, list(range(d)), 3),
        error_streams=streams(_DEVICE_STREAM, _PER_DEVICE, list(range(d)), 1)[:, 0],
        task_streams=streams(_TASK_STREAM, 4, workloads, 2),
        queue_streams=np.concatenate([streams(_COMPUTE_STREAM, 2, nodes, 2), on_board]),
        backhaul_streams=streams(_BACKHAUL_STREAM, 2, list(range(c)), 2),
    )


def _power_of_two(least: int) -> int:
    return 1 << max(least - 1, 1).bit_length()


def offsets(emitters: list[int], devices: int, seed: int, fades: bool) -> npt.NDArray[np.int64]:
    """Start in the fading trace of every pair of emitter and device, shape (emitters, devices)."""
    if not fades:
        return np.zeros((len(emitters), devices), np.int64)  # the trace of a flat channel has one row
    numbers = [_FADING_STREAM + (d * 1024 + m) * 2 for m in emitters for d in range(devices)]
    draws = first_uniforms(seeded_streams(numbers, seed)) * PERIOD_MS
    return draws.astype(np.int64).reshape(len(emitters), devices)


def _fill_clock(clock: np.void, scenario: Scenario) -> None:
    channel, radio = scenario.channel, scenario.radio
    layers = radio.mimo_layers
    size = rbg_prbs(scenario.prbs)
    clock["layers"] = layers
    clock["prbs"] = scenario.prbs
    clock["rbg_prbs"] = size
    clock["rbgs"] = scenario.prbs // size
    clock["piro"] = radio.link_adaptation == "piro"
    # a report is due when more than the period has passed since the last one
    clock["report_ttis"] = radio.cqi_period_ms + 1
    clock["buffer_bytes"] = radio.rlc_buffer_bytes
    clock["loss_timeout_ns"] = radio.loss_timeout_ms * MS
    noise_dbm = THERMAL_NOISE_DBM_HZ + dbm(PRB_HZ) + channel.noise_figure_db
    clock["noise_mw"] = milliwatts(noise_dbm)
    clock["noise_dbm"] = noise_dbm - dbm(SUBCARRIERS_PER_PRB)
    clock["mode_gain"] = load_link_tables().open_loop_gain if layers == 2 else 1.0
    clock["traffic_ns"] = TRAFFIC_STARTS_MS * MS
    clock["wire_ns"] = clock["compute_ns"] = NEVER
    clock["frequency_mhz"] = channel.frequency_mhz
    clock["urban_macro"] = channel.path_loss == "UMa"
    clock["shadowing"] = channel.shadowing
    # X2 runs over the transport network of both cells
    clock["x2_ns"] = round(2 * scenario.backhaul.delay_ms * MS)


def _fill_slices(net: Network, scenario: Scenario) -> None:
    for row, slice_ in zip(net.slices, scenario.slices, strict=True):
        bound = slice_.sla.max_latency_ms
        row["max_latency_ms"] = np.inf if bound is None else bound
        row["dedicated"] = slice_.policy.dedicated / 100
        row["minimum"] = slice_.policy.min / 100
        row["maximum"] = slice_.policy.max / 100
    command(net, PLAN_BANDS, 0, 0.0, 0)


def _fill_cell(net: Network, row: int, cell: Cell, scenario: Scenario) -> None:
    assert scenario.topology_seed is not None
    fill_emitter(net.emitters[row], Emitter.of(cell, scenario.topology_seed))
    set_power(net, row, cell.tx_power_dbm)
    net.cells[row]["backhaul_ns"] = round(scenario.backhaul.delay_ms * MS)
    net.cells[row]["ns_per_byte"] = 8e3 / scenario.backhaul.rate_mbps


def fill_emitter(row: np.void, emitter: Emitter) -> None:
    """Fills the record of a transmitter and its random fields."""
    row["x"], row["y"], row["z"] = emitter.position.x_m, emitter.position.y_m, emitter.position.z_m
    row["sector"] = emitter.antenna == "sector"
    row["gain_dbi"] = emitter.antenna_gain_dbi
    row["azimuth_deg"] = emitter.azimuth_deg
    for name, waves in (("sight", emitter.sight), ("shadow", emitter.shadow)):
        row[name] = np.stack([waves.kx, waves.ky, waves.phase])


def set_power(net: Network, cell: int, power_dbm: float) -> None:
    """Sets the power that a cell radiates over its carrier."""
    per_prb_dbm = power_dbm - dbm(float(net.clock[0]["prbs"]))
    net.cells[cell]["power_mw"] = milliwatts(per_prb_dbm)
    net.cells[cell]["subcarrier_dbm"] = per_prb_dbm - dbm(SUBCARRIERS_PER_PRB)


def _fill_device(device: np.void, scenario: Scenario, group: Group, position: Position) -> None:
    traffic = group.traffic
    device["group"] = scenario.groups.index(group)
    device["slice"] = [slice_.type for slice_ in scenario.slices].index(group.slice)
    device["workload"] = -1
    device["packet_bytes"] = traffic.packet_bytes
    if isinstance(traffic, OnOff):
        device["on_off"] = 1
        device["mean_on_s"], device["mean_off_s"] = traffic.mean_on_s, traffic.mean_off_s
    if isinstance(traffic, OnOff | Constant):
        device["gap_s"] = traffic.packet_bytes * 8 / (traffic.rate_mbps * 1e6)
    else:
        device["gap_s"] = traffic.interval_ms * 1e-3
    device["factor"] = 1.0
    device["remaining"] = 1.0
    for name in ("next_ns", "toggle_ns", "wake_ns", "report_ns", "reordering_ns", "switch_ns"):
        device[name] = NEVER
    device["last_delay_ms"] = -1.0
    device["target"] = -1
    device["x"], device["y"], device["z"] = position.x_m, position.y_m, position.z_m


def _fill_compute(
    net: Network, scenario: Scenario, devices: list[tuple[Group, str, Position]], workloads: list[int]
) -> None:
    for queue, node in zip(net.queues, scenario.compute, strict=False):
        queue["rate"] = node.megacycles_per_s
        queue["limit"] = node.queue_limit
        queue["link_ns"] = round(node.link_delay_ms * MS)
        queue["background"] = node.background_load
    net.queues["arrival_ns"] = net.queues["done_ns"] = NEVER
    for row, index in enumerate(workloads):
        group = devices[index][0]
        demand = group.workload
        assert demand is not None
        workload, on_board = net.workloads[row], net.queues[len(scenario.compute) + row]
        net.devices[index]["workload"] = row
        workload["device"] = index
        workload["node"] = node_index(scenario, demand.runs_on)
        workload["period_ns"] = round(1e9 / demand.rate_hz)
        workload["next_ns"] = NEVER
        workload["megacycles"] = demand.megacycles
        workload["request_bytes"] = demand.request_bytes
        workload["response_bytes"] = demand.response_bytes
        on_board["rate"] = group.airframe.onboard_megacycles_per_s if group.airframe else 1.0
        on_board["limit"] = ON_BOARD_QUEUE_LIMIT


def node_index(scenario: Scenario, node: str) -> int:
    """Row of a compute node, -1 for `onboard`.

    Raises:
        ValueError: the scenario has no such node.
    """
    if node == "onboard":
        return -1
    return [known.id for known in scenario.compute].index(node)


def set_route(
    net: Network, device: int, waypoints: tuple[Position, ...], speed_mps: float, start_ns: int
) -> Network:
    """Sets the route of a device from `start_ns` on; returns the network with room for the legs."""
    if net.legs.shape[1] < len(waypoints):
        legs = np.zeros((len(net.devices), len(waypoints)), state.LEG)
        legs[:, : net.legs.shape[1]] = net.legs
        net = net._replace(legs=legs)
    row = net.devices[device]
    here = (float(row["x"]), float(row["y"]), float(row["z"]))
    legs = net.legs[device]
    legs[:] = 0
    start = start_ns
    for leg, point in zip(legs, waypoints, strict=False):
        there = (point.x_m, point.y_m, point.z_m)
        # a leg takes 1 ns at least: unused legs are recognised by a duration of 0
        end = start + max(1, round(math.dist(there, here) / speed_mps * 1e9))
        leg["from_x"], leg["from_y"], leg["from_z"] = here
        leg["to_x"], leg["to_y"], leg["to_z"] = there
        leg["start_ns"], leg["end_ns"] = start, end
        here, start = there, end
    row["leg"] = 0
    row["moving"] = len(waypoints) > 0
    return net


def _attach_all(net: Network, scenario: Scenario) -> None:
    """Every device attaches to its strongest cell, in batches as large as random access has grants for."""
    levels = net.gain_db + np.array([[cell.tx_power_dbm] for cell in scenario.cells])
    at_once = max(1, int(scenario.prbs * _ATTACHED_AT_ONCE_PER_PRB))
    attached = [0] * len(scenario.cells)
    strongest: list[int] = levels.argmax(axis=0).tolist()
    for device, cell in enumerate(strongest):
        batch = attached[cell] // at_once
        tti = _FIRST_ATTACHED_TTI + _ATTACHED_EVERY_TTIS * batch
        command(net, ATTACH, device, float(cell), tti * MS)
        attached[cell] += 1
