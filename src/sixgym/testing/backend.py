"""What a backend owes an environment: time, refusals, faults on the clock, repetition."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from sixgym.backends.base import Backend, Transition
from sixgym.domain.faults import CellPowerDrop
from sixgym.domain.scenario import Scenario
from sixgym.episodes.episode import ToolCall
from sixgym.testing.networks import first_uav, small

LOOK = ToolCall(tool="check_network_state", arguments={})
LOOKS = tuple(ToolCall(tool=tool, arguments={}) for tool in ("read_telemetry", "get_edge_load"))


def hand_over(scenario: Scenario) -> ToolCall:
    """A call that sends the first UAV to the last cell."""
    arguments = {"uav": first_uav(scenario), "gnb": scenario.cells[-1].id}
    return ToolCall(tool="request_handover", arguments={**arguments})


def refused(scenario: Scenario) -> tuple[ToolCall, ...]:
    """Calls that no backend carries out: an unknown tool, an unknown cell, text that is no JSON."""
    return (
        ToolCall(tool="no_such_tool", arguments={}),
        ToolCall(tool="request_handover", arguments={"uav": first_uav(scenario), "gnb": "no-such-cell"}),
        ToolCall(tool="read_telemetry", arguments="{"),
    )


class BackendContract:
    """The whole contract of a backend, such as a simulated, a learned or a replayed network.

    Attributes:
        make: Class of the backend, or a method that makes one.
    """

    make: Callable[..., Backend]

    def scenario(self) -> Scenario:
        """Placed network with at least two cells and a UAV, on which the backend is tested."""
        return small()

    @pytest.fixture(scope="class")
    @classmethod
    def backend(cls) -> Iterator[Backend]:
        """One backend for all tests of a class: to reset it is part of the contract."""
        backend = cls().make()
        yield backend
        backend.close()

    def run(self, backend: Backend, calls: Sequence[ToolCall], *, seed: int = 1) -> list[Transition]:
        """The transitions of the calls on a fresh network."""
        backend.reset(self.scenario(), seed=seed)
        return [backend.execute(call) for call in calls]

    # ------------------------------------------------------------------ repetition
    def test_the_same_seed_repeats_and_another_differs(self, backend: Backend) -> None:
        calls = [LOOK, hand_over(self.scenario()), *LOOKS]
        first = self.run(backend, calls, seed=1)
        assert self.run(backend, calls, seed=2) != first
        assert self.run(backend, calls, seed=1) == first

    def test_a_reset_forgets_everything_of_the_last_network(self, backend: Backend) -> None:
        first = backend.reset(self.scenario(), seed=1)
        ledger = backend.ledger
        backend.execute(hand_over(self.scenario()), self.fault(start_ms=0))
        uav = first_uav(self.scenario())
        backend.execute(ToolCall(tool="send_alert", arguments={"uav": uav, "alert": "link_degraded"}))
        assert backend.reset(self.scenario(), seed=1) == first
        assert backend.ledger == ledger

    # ------------------------------------------------------------------ time
    def test_a_network_starts_at_time_0(self, backend: Backend) -> None:
        state, interval = backend.reset(self.scenario(), seed=1)
        assert (state.t_ms, interval.end_ms) == (0, 0)
        assert backend.state == state

    def test_every_call_takes_one_decision_interval_whatever_it_is(self, backend: Backend) -> None:
        scenario = self.scenario()
        calls = (LOOK, hand_over(scenario), *LOOKS, *refused(scenario))
        transitions = self.run(backend, calls)
        ends = [scenario.decision_interval_ms * (number + 1) for number in range(len(calls))]
        assert [transition.interval.end_ms for transition in transitions] == ends
        assert [transition.after.t_ms for transition in transitions] == ends
        assert [t.before for t in transitions[1:]] == [t.after for t in transitions[:-1]]
        assert backend.state == transitions[-1].after

    def test_an_interval_may_pass_without_a_call(self, backend: Backend) -> None:
        looked = self.run(backend, [LOOK, LOOK])
        backend.reset(self.scenario(), seed=1)
        assert [backend.idle(), backend.idle()] == [transition.interval for transition in looked]

    # ------------------------------------------------------------------ calls
    def test_a_look_disturbs_nothing(self, backend: Backend) -> None:
        plain, curious = self.run(backend, [LOOK, LOOK]), self.run(backend, LOOKS)
        assert all(transition.outcome.ok for transition in (*plain, *curious))
        assert [t.interval for t in curious] == [t.interval for t in plain]

    def test_a_refused_call_says_why_and_disturbs_nothing(self, backend: Backend) -> None:
        calls = refused(self.scenario())
        plain, clumsy = self.run(backend, [LOOK] * len(calls)), self.run(backend, calls)
        assert all(transition.outcome.error for transition in clumsy)
        assert [t.interval for t in clumsy] == [t.interval for t in plain]

    def test_a_handover_shows_in_what_is_measured(self, backend: Backend) -> None:
        scenario = self.scenario()
        uav, target = first_uav(scenario), scenario.cells[-1].id
        first, *_, last = self.run(backend, [hand_over(scenario), LOOK, LOOK, LOOK])
        assert first.outcome.ok, first.outcome.error
        assert last.interval.devices[uav].handover_target == target

    def test_the_ledger_names_every_uav(self, backend: Backend) -> None:
        backend.reset(self.scenario(), seed=1)
        fleet = {name for group in self.scenario().groups if group.airframe for name in group.device_ids}
        assert set(backend.ledger.uavs) == fleet

    # ------------------------------------------------------------------ faults
    def fault(self, start_ms: int) -> CellPowerDrop:
        """A fault of two intervals."""
        duration_ms = 2 * self.scenario().decision_interval_ms
        cell = self.scenario().cells[0].id
        return CellPowerDrop(start_ms=start_ms, duration_ms=duration_ms, cell=cell, drop_db=10)

    def test_a_fault_that_comes_with_a_call_strikes_in_its_interval(self, backend: Backend) -> None:
        backend.reset(self.scenario(), seed=1)
        struck = backend.execute(LOOK, self.fault(start_ms=0)).interval
        assert struck.faults == ("cell_power_drop",)

    def test_faults_of_the_timeline_strike_and_end_on_the_clock(self, backend: Backend) -> None:
        fault = self.fault(start_ms=self.scenario().decision_interval_ms)
        backend.reset(self.scenario().model_copy(update={"faults": (fault,)}), seed=1)
        seen = [backend.execute(LOOK).interval.faults for _ in range(4)]
        assert seen == [(), ("cell_power_drop",), ("cell_power_drop",), ()]

    # ------------------------------------------------------------------ ends
    def test_closing_twice_is_allowed_and_a_closed_backend_can_be_reset(self) -> None:
        backend = self.make()
        backend.close()
        state, _ = backend.reset(self.scenario(), seed=1)
        backend.close()
        backend.close()
        assert backend.reset(self.scenario(), seed=1)[0] == state
        backend.close()

    def test_name_and_version_are_on_record(self, backend: Backend) -> None:
        assert backend.info.name
        assert backend.info.version
        backend.reset(self.scenario(), seed=1)
        again = self.make()
        assert again.info == backend.info
        again.close()
