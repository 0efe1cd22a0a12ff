"""Episodes on the test simulator, for tests that need some."""

from sixgym.backends.simulated import SimulatedBackend
from sixgym.domain.slices import NetworkState
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Episode, Task, ToolCall, Turn
from sixgym.episodes.task import make_task
from sixgym.run.rollout import rollout
from sixgym.scenarios import load_scenario
from tests.doubles import FluidSimulator


class Caller:
    """An agent that makes these calls in turn, then answers."""

    name = "caller"

    def __init__(self, *calls: tuple[str, dict[str, object] | str]) -> None:
        self._calls = calls

    def act(self, observation: Observation) -> Turn:
        step = len(observation.history)
        if step >= len(self._calls):
            return Turn(answer="done")
        tool, arguments = self._calls[step]
        return Turn(thought=f"step {step}", call=ToolCall(tool=tool, arguments=arguments))  # type: ignore[arg-type]


def sample_task(name: str = "uav-inspection", seed: int = 1, *, faults: bool = True) -> Task:
    scenario = load_scenario(name)
    if not faults:
        scenario = scenario.model_copy(update={"faults": ()})
    return make_task(scenario, seed=seed)


def sample_episode(seed: int = 1, *, fail_after: int | None = None, agent: Caller | None = None) -> Episode:
    environment = Environment(SimulatedBackend(FluidSimulator(fail_after=fail_after)))
    caller = agent or Caller(("check_network_state", {}), ("no_such_tool", {"x": 1}), ("read_telemetry", "{"))
    return rollout(environment, caller, sample_task(seed=seed))


def any_state(**changes: object) -> NetworkState:
    values: dict[str, object] = {
        "version": 0,
        "t_ms": 0,
        "slice": "URLLC",
        "latency_ms": 10.0,
        "jitter_ms": 1.0,
        "loss_ratio": 0.0,
        "throughput_mbps": 20.0,
        "edge_load": 0.3,
    }
    return NetworkState.model_validate(values | changes)
