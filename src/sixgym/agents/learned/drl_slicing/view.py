"""The knowledge of the DRL-Slicing agent at a step, as records and as inputs of its network.

All of it comes from the observation: the six-dimensional state now and after earlier calls, the service
level, and earlier readings of slices and compute nodes. The original agent predicts the next state with a
network. Here a linear forecast of one step (last value plus last change) of every stress takes its place.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import JsonValue, ValidationError

from sixgym.agents.rules.mape_k.analysis.edge import ONBOARD, service_workload
from sixgym.agents.rules.mape_k.analysis.service import NEVER, stresses
from sixgym.domain.base import Record
from sixgym.domain.slices import NetworkState, RrmPolicyRatio, SliceType
from sixgym.envs.observation import Exchange, Observation
from sixgym.episodes.episode import ToolCall
from sixgym.tools.replies import SliceStatus
from sixgym.tools.types import EdgeLoad, NodeLoad, WorkloadStatus

Floats = npt.NDArray[np.float32]

SLICES = tuple(SliceType)
CONFIGURING = (
    "trigger_slice_reallocation",
    "graceful_degradation",
    "switch_network_slice",
    "edge_offload",
)
STRESSES = ("latency_stress", "jitter_stress", "loss_stress", "throughput_stress", "edge_stress")

_RecordT = TypeVar("_RecordT", bound=Record)


@dataclass(frozen=True, slots=True)
class SliceView:
    """The last reading of a slice.

    Attributes:
        status: Result of the reading.
        policy: Current share of PRBs: as read, or as the agent set it later.
        age: Steps since the reading.
    """

    status: SliceStatus
    policy: RrmPolicyRatio
    age: int


@dataclass(frozen=True, slots=True)
class EdgeView:
    """The last reading of the compute nodes and the compute tasks of the service.

    Attributes:
        load: Result of the reading.
        workload: Compute tasks of the service, if it has any.
        host: Current node of the tasks: as read, or as the agent set it later.
        age: Steps since the reading.
    """

    load: EdgeLoad
    workload: WorkloadStatus | None
    host: str
    age: int

    def lightest(self, kind: str) -> NodeLoad | None:
        """The least loaded node of a kind on which the tasks do not run."""
        others = (node for node in self.load.nodes if node.kind == kind and node.node != self.host)
        return min(others, key=lambda node: (node.load, node.node), default=None)


@dataclass(frozen=True, slots=True)
class PolicyView:
    """The knowledge of the agent at a step.

    Attributes:
        observation: The observation that holds it.
        slices: Last reading by slice.
        absent: Slices that the network does not have.
        edge: Last reading of the compute nodes, if there is one.
        rejected: Number of times that the agent rejected users of a slice.
        refused: Calls that came back with an error.
        since_change: Steps since the agent last changed the network; `NEVER` if it has not.
    """

    observation: Observation
    slices: Mapping[SliceType, SliceView]
    absent: frozenset[SliceType]
    edge: EdgeView | None
    rejected: Mapping[SliceType, int]
    refused: tuple[ToolCall, ...]
    since_change: int

    @classmethod
    def of(cls, observation: Observation) -> "PolicyView":
        """Read an observation's history, newest first."""
        reader = _Reader(observation)
        return cls(
            observation=observation,
            slices=reader.slices,
            absent=reader.absent,
            edge=reader.edge,
            rejected=reader.rejected,
            refused=tuple(call for _, call, exchange in reader.calls if not exchange.outcome.ok),
            since_change=next(
                (age for age, call, done in reader.calls if done.outcome.ok and call.tool in CONFIGURING),
                NEVER,
            ),
        )

    @property
    def unread(self) -> tuple[SliceType, ...]:
        """Slices without a reading, the slice of the service first."""
        active = self.observation.state.slice
        order = (active, *(kind for kind in SLICES if kind is not active))
        return tuple(kind for kind in order if kind not in self.slices and kind not in self.absent)


@dataclass(frozen=True)
class _Reader:
    """The latest events of a history. Only these events are parsed."""

    observation: Observation

    @cached_property
    def calls(self) -> tuple[tuple[int, ToolCall, Exchange], ...]:
        """Age in steps, call and outcome, newest first."""
        past = enumerate(reversed(self.observation.history), 1)
        return tuple((age, one.turn.call, one) for age, one in past if one.turn.call is not None)

    def of(self, tool: str) -> Iterator[tuple[int, Mapping[str, JsonValue], Exchange]]:
        """The calls of a tool whose arguments are an object, newest first."""
        for age, call, exchange in self.calls:
            if call.tool == tool and isinstance(call.arguments, dict):
                yield age, call.arguments, exchange

    @cached_property
    def absent(self) -> frozenset[SliceType]:
        refused = (
            _slice_named(arguments.get("slice"))
            for _, arguments, exchange in self.of("get_slice_status")
            if not exchange.outcome.ok
        )
        return frozenset(kind for kind in refused if kind is not None)

    @cached_property
    def slices(self) -> dict[SliceType, SliceView]:
        policies: dict[SliceType, tuple[int, RrmPolicyRatio]] = {}
        for age, arguments, exchange in self.of("trigger_slice_reallocation"):
            kind = _slice_named(arguments.get("slice"))
            policy = _parsed(RrmPolicyRatio, arguments.get("resources"))
            if exchange.outcome.ok and kind is not None and policy is not None:
                policies.setdefault(kind, (age, policy))
        found: dict[SliceType, SliceView] = {}
        for age, arguments, exchange in self.of("get_slice_status"):
            kind = _slice_named(arguments.get("slice"))
            if kind is None or kind in found or not exchange.outcome.ok:
                continue
            status = _parsed(SliceStatus, exchange.outcome.result)
            if status is not None:
                set_age, policy = policies.get(kind, (NEVER, status.policy))
                found[kind] = SliceView(status, policy if set_age < age else status.policy, age)
        return found

    @cached_property
    def rejected(self) -> Mapping[SliceType, int]:
        specs = (
            arguments.get("spec")
            for _, arguments, exchange in self.of("graceful_degradation")
            if exchange.outcome.ok
        )
        named = (_slice_named(spec.get("slice")) for spec in specs if isinstance(spec, dict))
        return Counter(kind for kind in named if kind is not None)

    @cached_property
    def edge(self) -> EdgeView | None:
        for age, _, exchange in self.of("get_edge_load"):
            load = _parsed(EdgeLoad, exchange.outcome.result) if exchange.outcome.ok else None
            if load is not None:
                workload = service_workload(load, self.observation.service)
                read = workload.runs_on if workload else ""
                return EdgeView(load, workload, self._moved_to(age) or read, age)
        return None

    def _moved_to(self, since: int) -> str | None:
        """The node to which the agent moved the tasks in the last `since` steps."""
        for age, arguments, exchange in self.of("edge_offload"):
            target = arguments.get("target")
            if age < since and exchange.outcome.ok and isinstance(target, dict):
                return str(target.get("node"))
        return None


def _slice_named(name: object) -> SliceType | None:
    return next((kind for kind in SLICES if kind.value == name), None)


def _parsed(record: type[_RecordT], value: object) -> _RecordT | None:
    """The record, or None if the network answered something else."""
    try:
        return record.model_validate(value)
    except ValidationError:
        return None


# ---------------------------------------------------------------------- numbers
def features(view: PolicyView) -> Floats:
    """The inputs of the network: `len(FEATURES)` finite numbers, most of them between 0 and 1."""
    values = dict(_service_features(view))
    values.update(_edge_features(view))
    for kind in SLICES:
        values.update((f"{kind.value}.{name}", value) for name, value in _slice_features(view, kind))
    return np.array([values.get(name, 0.0) for name in FEATURES], np.float32)


def _bounded(value: float, half: float = 1.0) -> float:
    """A saturation: 0 at 0, 0.5 at `half`, nearly 1 far beyond."""
    return value / (value + half) if value < _FAR else 1.0


_FAR = 1e9


def _service_features(view: PolicyView) -> Iterator[tuple[str, float]]:
    seen = view.observation
    now = stresses(seen.state, seen.sla)
    earlier = seen.history[-2].after if len(seen.history) > 1 else seen.state
    before = stresses(earlier, seen.sla)
    for name in STRESSES:
        if name in now:
            yield f"{name}.bound", 1.0
            yield f"{name}.now", _bounded(now[name])
            change = min(now[name], _FAR) - min(before[name], _FAR)
            yield f"{name}.next", _bounded(max(0.0, min(now[name], _FAR) + change))
    yield "throughput", _bounded(seen.state.throughput_mbps, 10.0)
    yield "edge_load", seen.state.edge_load
    yield "steps.made", _bounded(len(seen.history), 10.0)
    yield "steps.left", _bounded(max(0, seen.steps_left), 10.0)
    yield "since_change", _bounded(view.since_change, 3.0)
    yield "refused", float(bool(seen.history) and not seen.history[-1].outcome.ok)
    yield "unguaranteed", 1 - sum(known.policy.min for known in view.slices.values()) / 100


def _edge_features(view: PolicyView) -> Iterator[tuple[str, float]]:
    edge = view.edge
    if edge is None or edge.workload is None:
        return
    tasks = edge.workload
    yield "tasks.known", 1.0
    yield "tasks.stress", _bounded(tasks.task_latency_ms / tasks.task.deadline_ms)
    yield "tasks.age", _bounded(edge.age, 5.0)
    yield "tasks.moved", float(edge.host != tasks.runs_on)
    yield "tasks.onboard", float(edge.host == ONBOARD)
    host = next((node for node in edge.load.nodes if node.node == edge.host), None)
    if host is not None:
        yield "host.load", host.load
        yield "host.queue", _bounded(host.queue, 20.0)
        yield "host.is_cloud", float(host.kind == "cloud")
    for kind in ("edge", "cloud", "onboard"):
        other = edge.lightest(kind)
        if other is not None:
            yield f"{kind}.free", 1 - other.load


def _slice_features(view: PolicyView, kind: SliceType) -> Iterator[tuple[str, float]]:
    yield "active", float(kind is view.observation.state.slice)
    yield "meant", float(kind is view.observation.sla.slice)
    yield "rejected", min(1.0, view.rejected.get(kind, 0) / 2)
    known = view.slices.get(kind)
    if known is None:
        return
    status, policy = known.status, known.policy
    yield "known", 1.0
    yield "age", _bounded(known.age, 5.0)
    yield "changed", float(policy != status.policy)
    yield "dedicated", policy.dedicated / 100
    yield "min", policy.min / 100
    yield "max", policy.max / 100
    yield "min_small", _bounded(policy.min, 5.0)
    yield "max_small", _bounded(policy.max, 5.0)
    yield "used", min(1.0, status.prb_used_percent / 100)
    yield "utilisation", min(1.0, status.prbs_used / status.prbs_granted) if status.prbs_granted > 0 else 0.0
    yield "queue", _bounded(status.queue_bytes, 5_000.0)
    yield "admits", float(status.admits)
    yield "congested", float(status.status == "CONGESTED")
    yield "groups", _bounded(len(status.groups))
    yield "throughput", _bounded(status.throughput_mbps, 5.0)
    measured = NetworkState(
        version=0,
        t_ms=0,
        slice=status.slice,
        latency_ms=status.latency_ms,
        jitter_ms=status.jitter_ms,
        loss_ratio=status.loss_ratio,
        throughput_mbps=status.throughput_mbps,
        edge_load=0.0,
    )
    seen = view.observation
    for name, stress in stresses(measured, seen.sla if kind is seen.sla.slice else status.sla).items():
        yield name, _bounded(stress)


_OF_THE_SERVICE = (
    *(f"{name}.{part}" for name in STRESSES for part in ("bound", "now", "next")),
    *("throughput", "edge_load", "steps.made", "steps.left", "since_change", "refused", "unguaranteed"),
)
_OF_COMPUTE = (
    *("tasks.known", "tasks.stress", "tasks.age", "tasks.moved", "tasks.onboard"),
    *("host.load", "host.queue", "host.is_cloud", "edge.free", "cloud.free", "onboard.free"),
)
_OF_A_SLICE = (
    *(
        "active",
        "meant",
        "rejected",
        "known",
        "age",
        "changed",
        "dedicated",
        "min",
        "max",
        "min_small",
        "max_small",
    ),
    *("used", "utilisation", "queue", "admits", "congested", "groups", "throughput"),
    *("latency_stress", "jitter_stress", "loss_stress", "throughput_stress"),
)

FEATURES: tuple[str, ...] = (
    *_OF_THE_SERVICE,
    *_OF_COMPUTE,
    *(f"{kind.value}.{name}" for kind in SLICES for name in _OF_A_SLICE),
)
"""Names of the inputs, in order. An input that is unknown, or has no bound, is 0."""
