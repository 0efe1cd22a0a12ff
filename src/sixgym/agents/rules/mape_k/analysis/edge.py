"""Facts about compute: the node of the service's tasks, their latency, and other nodes for them."""

from collections.abc import Iterator
from typing import Literal

from sixgym.agents.memory import Memory
from sixgym.agents.rules.mape_k.analysis.service import FactItems
from sixgym.domain.mission import TaskSpec
from sixgym.tools.replies import OffloadResult
from sixgym.tools.types import EdgeLoad, NodeLoad, WorkloadStatus

EDGE_AGE = 8
ONBOARD = "onboard"


def edge_facts(memory: Memory) -> FactItems:
    """Loads of the nodes, and the compute tasks of the service if it has any."""
    read = next(memory.results("get_edge_load", EdgeLoad, EDGE_AGE), None)
    if read is None:
        return
    event, load = read
    home = next((node for node in load.nodes if node.node == load.home), None)
    if home is not None:
        yield "home_node", home.node
        yield "home_load", home.load
    workload = service_workload(load, memory.observation.service)
    if workload is None:
        return
    host, latency_ms = workload.runs_on, workload.task_latency_ms
    for move, result in memory.results("edge_offload", OffloadResult, max_age=event.age - 1):
        moved = next((part for part in result.workloads if part.task == workload.task.id), None)
        if moved is not None and move.age < event.age:
            host, latency_ms = moved.node, moved.task_latency_ms
            break
    yield "service_task", workload.task.model_dump(mode="json", exclude_none=True)
    yield "task_stress", latency_ms / workload.task.deadline_ms
    yield "runs_onboard", host == ONBOARD
    yield "runs_at_home", host == load.home
    yield from _places(load, host, workload.task)


def service_workload(load: EdgeLoad, service: str) -> WorkloadStatus | None:
    """The compute tasks of the managed group, if it has any."""
    return next((workload for workload in load.workloads if workload.task.id == service), None)


def _places(load: EdgeLoad, host: str, task: TaskSpec) -> FactItems:
    for node in load.nodes:
        if node.node == host:
            yield "host_load", node.load
    edge = min(_others(load, host, "edge"), key=lambda node: node.load, default=None)
    if edge is not None:
        yield "light_edge", edge.node
        yield "light_edge_load", edge.load
    cloud = min(_others(load, host, "cloud"), key=lambda node: node.load, default=None)
    if cloud is not None:
        yield "cloud", cloud.node
        yield "cloud_load", cloud.load
        yield "cloud_rtt_share", cloud.round_trip_ms / task.deadline_ms
    for node in _others(load, host, "onboard"):
        yield "onboard_pays", 1e3 * task.megacycles / node.megacycles_per_s < task.deadline_ms
        break


def _others(load: EdgeLoad, host: str, kind: Literal["edge", "cloud", "onboard"]) -> Iterator[NodeLoad]:
    return (node for node in load.nodes if node.kind == kind and node.node != host)
