"""6GAgentGym's Threshold-Rule baseline (section IV-B): two thresholds, else verify."""

from dataclasses import dataclass

from pydantic import JsonValue

from sixgym.agents.memory import Memory
from sixgym.agents.rules.mape_k.analysis.edge import EDGE_AGE, service_workload
from sixgym.domain.slices import SliceType
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import ToolCall, Turn
from sixgym.tools.types import EdgeLoad

OFFLOAD_BELOW_MBPS = 10.0


@dataclass(frozen=True, slots=True)
class ThresholdAgent:
    """Latency above its bound: switch to URLLC. Throughput below 10 Mbit/s: edge offload. Else verify.

    The paper's rule does not name the target of the offload; this agent reads the loads of the nodes first.
    An action is tried once: a repeated action was refused before, or already holds.
    """

    name: str = "threshold"

    def act(self, observation: Observation) -> Turn:
        """The action of the first threshold that is crossed, otherwise the verification."""
        memory = Memory.of(observation)
        return _switch(observation, memory) or _offload(observation, memory) or _verify(observation)


def _switch(observation: Observation, memory: Memory) -> Turn | None:
    state, bound = observation.state, observation.sla.max_latency_ms
    if bound is None or state.latency_ms <= bound or state.slice is SliceType.URLLC:
        return None
    arguments: dict[str, JsonValue] = {
        "from_slice": state.slice.value,
        "to_slice": SliceType.URLLC.value,
    }
    call = ToolCall(tool="switch_network_slice", arguments=arguments)
    if memory.was_refused(call, within=len(observation.history)):
        return None
    return Turn(thought=f"latency {state.latency_ms:.1f} ms exceeds {bound:g} ms", call=call)


def _offload(observation: Observation, memory: Memory) -> Turn | None:
    reached = observation.state.throughput_mbps
    tried = any(event.call.tool == "edge_offload" for event in memory.events)
    if reached >= OFFLOAD_BELOW_MBPS or tried or not observation.nodes:
        return None
    thought = f"throughput {reached:.1f} Mbit/s is below {OFFLOAD_BELOW_MBPS:g} Mbit/s"
    read = next(memory.results("get_edge_load", EdgeLoad, EDGE_AGE), None)
    if read is None:
        asked = any(event.call.tool == "get_edge_load" for event in memory.events)
        return None if asked else Turn(thought=thought, call=ToolCall(tool="get_edge_load", arguments={}))
    workload = service_workload(read[1], observation.service)
    if workload is None:
        return None
    edges = [node for node in read[1].nodes if node.kind == "edge" and node.node != workload.runs_on]
    if not edges:
        return None
    task: JsonValue = workload.task.model_dump(mode="json", exclude_none=True)
    target: JsonValue = {"node": min(edges, key=lambda node: node.load).node}
    call = ToolCall(tool="edge_offload", arguments={"task": task, "target": target})
    return Turn(thought=thought, call=call)


def _verify(observation: Observation) -> Turn:
    state = observation.state
    # the bounds stay with the service after a move to another slice
    sla = observation.sla.model_copy(update={"slice": state.slice})
    arguments: dict[str, JsonValue] = {
        "state": state.model_dump(mode="json"),
        "sla": sla.model_dump(mode="json", exclude_none=True),
    }
    call = ToolCall(tool="verify_sla_compliance", arguments=arguments)
    return Turn(thought="no threshold is crossed, or its action was tried", call=call)
