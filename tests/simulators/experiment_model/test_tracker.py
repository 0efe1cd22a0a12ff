"""What the experiment model keeps exactly: flight, faults, serving cells, links, and a network at rest."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pytest

from sixgym.backends.simulated import SimulatedBackend
from sixgym.data.traces.exploration import exploration
from sixgym.domain.change import Change, Fly, HandOver, InjectFault, MoveToSlice, ScaleTraffic
from sixgym.domain.faults import CellOutage, CellPowerDrop, HandoverFailure, TrafficSurge
from sixgym.domain.geometry import Position
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.episodes.episode import ToolCall
from sixgym.scenarios import load_scenario
from sixgym.simulators.base import Simulator
from sixgym.simulators.experiment_model.encode.answers import Question
from sixgym.simulators.experiment_model.encode.words import DELIVERED, LOST, QUEUE
from sixgym.simulators.experiment_model.simulator import ExperimentModelSimulator
from sixgym.simulators.tti import TtiSimulator
from tests.networks import small

PLACES = range(20)


class Oracle:
    """Answers every question with the word in the middle, or with what a test wants to be said."""

    def __init__(self) -> None:
        self.rounds: list[list[Question]] = []
        self.said: dict[str, str] = {"queue": "queue=0"}
        """Words by the name of their blank."""

    def __call__(
        self, asked: Sequence[Question], quantiles: Sequence[Sequence[float]]
    ) -> Sequence[dict[str, str]]:
        assert [len(levels) for levels in quantiles] == [len(question.blanks) for question in asked]
        self.rounds.append(list(asked))
        return [
            {
                blank.name: self.said.get(blank.name, blank.words[len(blank.words) // 2])
                for blank in question.blanks
            }
            for question in asked
        ]

    def asked_about(self, subject: str) -> Question:
        """The last question about a device or group."""
        (question,) = (one for one in self.rounds[-1] if (one.kind, one.subject) == ("flow", subject))
        return question


def network(oracle: Oracle, interval_ms: int = 500) -> ExperimentModelSimulator:
    return ExperimentModelSimulator(
        oracle, name="experiment-model", version="test", interval_ms=interval_ms, sampled=False
    )


def both(
    scenario: Scenario, intervals: int, changes: Mapping[int, Sequence[Change]] | None = None
) -> list[tuple[Interval, Interval]]:
    """The same scenario on tti and beside it: an interval of each at a time, changes before the nth."""
    simulators: tuple[Simulator, Simulator] = (TtiSimulator(), network(Oracle()))
    seen: list[list[Interval]] = []
    for simulator in simulators:
        mine = [simulator.reset(scenario, seed=1)]
        for number in range(intervals):
            for change in (changes or {}).get(number, ()):
                simulator.apply(change)
            mine.append(simulator.advance(scenario.decision_interval_ms))
        seen.append(mine)
    return list(zip(*seen, strict=True))


# ------------------------------------------------------------------ flight
@pytest.mark.parametrize("number", [1, 4, 7, 10])
def test_uavs_are_where_they_are_on_tti_while_their_routes_change(number: int) -> None:
    scenario = exploration(number, PLACES).scenario
    first = next(group for group in scenario.groups if group.airframe).device_ids[0]
    corners = (
        Position(x_m=30, y_m=80, z_m=70),
        Position(x_m=36, y_m=80, z_m=74),
        Position(x_m=-90, y_m=5, z_m=40),
    )
    changes = {
        2: [Fly(first, corners, 17.3)],
        9: [Fly(first, (Position(x_m=0, y_m=0, z_m=50),), 3)],
        13: [Fly(first, (), 5)],
    }
    path: list[Position] = []
    for expected, actual in both(scenario, 18, changes):
        for name, device in expected.devices.items():
            assert device.position.distance_m(actual.devices[name].position) < 0.05
        path.append(actual.devices[first].position)
    assert path[3] != path[4]
    assert path[-1] == path[-4]  # it hovers where it was when its route was taken away


# ------------------------------------------------------------------ faults
@pytest.mark.parametrize("number", range(12))
def test_faults_show_in_the_same_intervals_with_the_same_figures_as_on_tti(number: int) -> None:
    scenario = exploration(number, PLACES).scenario
    for expected, actual in both(scenario, 20):
        assert actual.faults == expected.faults
        assert set(actual.interferers) == set(expected.interferers)
        for name, cell in expected.cells.items():
            mine = actual.cells[name]
            assert mine.tx_power_dbm == pytest.approx(cell.tx_power_dbm)
            assert mine.backhaul_delay_ms == pytest.approx(cell.backhaul_delay_ms)
            assert mine.backhaul_loss_ratio == pytest.approx(cell.backhaul_loss_ratio)


def test_the_twelve_networks_above_hold_every_kind_of_fault() -> None:
    kinds = {fault.kind for number in range(12) for fault in exploration(number, PLACES).scenario.faults}
    assert len(kinds) == 7


def test_a_surge_is_in_the_load_that_the_model_is_told_of() -> None:
    oracle = Oracle()
    simulator = network(oracle, 100)
    simulator.reset(small(), seed=1)
    simulator.apply(InjectFault(TrafficSurge(start_ms=0, duration_ms=100, group="control", factor=3)))
    surge = simulator.advance(100)
    assert "load=3.02" in oracle.asked_about("control").words
    assert surge.groups["control"].sent_packets == 60
    simulator.advance(100)
    words = oracle.asked_about("control").words
    assert "wasload=3.02" in words
    assert not any(word.startswith("load=") for word in words)


# ------------------------------------------------------------------ radio
@pytest.mark.parametrize("number", range(12))
def test_devices_are_served_by_the_cells_that_serve_them_on_tti(number: int) -> None:
    scenario = exploration(number, PLACES).scenario
    ((expected, actual),) = both(scenario, 0)
    assert {name: device.cell for name, device in actual.devices.items()} == {
        name: device.cell for name, device in expected.devices.items()
    }
    assert {name: cell.devices for name, cell in actual.cells.items()} == {
        name: cell.devices for name, cell in expected.cells.items()
    }


SCENARIOS = ("dense-degradation", "uav-inspection", "urban-slicing")


def still(name: str, place: int, *, hovering: bool) -> Scenario:
    """A shipped scenario without faults and fading."""
    scenario = load_scenario(name)
    hover = {"waypoints": (), "waypoint_area": None}
    groups = tuple(
        group.model_copy(update={"airframe": group.airframe.model_copy(update=hover)})
        if group.airframe and hovering
        else group
        for group in scenario.groups
    )
    channel = scenario.channel.model_copy(update={"fading": None})
    return scenario.model_copy(update={"groups": groups, "faults": (), "channel": channel}).placed(place)


def sinr_errors_db(scenario: Scenario) -> dict[str, list[float]]:
    """By device, the tracked SINR of its radio link less the one that tti measures, in four intervals."""
    tti, oracle = TtiSimulator(), Oracle()
    simulator = network(oracle)
    tti.reset(scenario, seed=1)
    simulator.reset(scenario, seed=1)
    errors: dict[str, list[float]] = {name: [] for _, name, _ in scenario.devices()}
    for _ in range(4):
        measured = tti.advance(500)
        # a network at rest would not be asked about
        simulator.apply(ScaleTraffic(scenario.groups[0].name, 1.0))
        mine = simulator.advance(500)
        for group in scenario.groups:
            for name in group.device_ids:
                kept_db = mine.devices[name].sinr_db
                if group.airframe is not None:
                    # what is measured is for the model to say; this is what it is told
                    told = before_history(oracle.asked_about(name))
                    (kept_db,) = (float(word[5:]) for word in told if word.startswith("sinr="))
                errors[name].append(kept_db - measured.devices[name].sinr_db)
    return errors


@pytest.mark.parametrize("name", SCENARIOS)
def test_links_of_devices_in_place_are_as_good_as_tti_measures_without_fading(name: str) -> None:
    scenario = still(name, 3, hovering=True)
    uavs = {device for group in scenario.groups if group.airframe for device in group.device_ids}
    for device, errors in sinr_errors_db(scenario).items():
        # a word is a decibel wide
        assert max(map(abs, errors)) < (0.6 if device in uavs else 0.1)


@pytest.mark.parametrize("name", SCENARIOS)
def test_links_of_flying_uavs_are_within_a_few_decibels_of_what_tti_measures(name: str) -> None:
    scenario = still(name, 3, hovering=False)
    errors = sinr_errors_db(scenario)
    flying = [e for group in scenario.groups if group.airframe for d in group.device_ids for e in errors[d]]
    # the tracker takes the place at the end of the interval, a measurement the mean over the interval
    assert max(map(abs, flying)) < 6
    assert abs(sum(flying) / len(flying)) < 1.5


def before_history(question: Question) -> tuple[str, ...]:
    return question.words[: question.words.index("before")]


# ------------------------------------------------------------------ handover
def test_a_handover_goes_as_the_model_says() -> None:
    oracle = Oracle()
    simulator = network(oracle, 100)
    simulator.reset(small(), seed=1)
    simulator.apply(HandOver("uav-1", "east"))
    oracle.said["handover"] = "handover=COMPLETE"
    device = simulator.advance(100).devices["uav-1"]
    assert "asked" in oracle.asked_about("uav-1").words
    assert (device.cell, device.handover, device.handover_target) == ("east", "COMPLETE", "east")
    assert 0 < device.handover_ms < 100
    later = simulator.advance(100).devices["uav-1"]
    assert "asked" not in oracle.asked_about("uav-1").words
    assert (later.cell, later.handover, later.handover_ms) == ("east", "COMPLETE", device.handover_ms)


def test_a_handover_to_a_cell_that_refuses_is_told_to_the_model_and_its_word_counts() -> None:
    oracle = Oracle()
    simulator = network(oracle, 100)
    simulator.reset(small(), seed=1)
    simulator.apply(InjectFault(HandoverFailure(start_ms=0, duration_ms=100, cell="east")))
    simulator.apply(HandOver("uav-1", "east"))
    oracle.said["handover"] = "handover=FAILED"
    device = simulator.advance(100).devices["uav-1"]
    assert "refused" in oracle.asked_about("uav-1").words
    assert (device.cell, device.handover, device.handover_target) == ("west", "FAILED", "east")
    assert device.handover_ms == 0
    simulator.apply(HandOver("uav-1", "east"))
    oracle.said["handover"] = "handover=COMPLETE"
    assert simulator.advance(100).devices["uav-1"].cell == "east"
    assert "refused" not in oracle.asked_about("uav-1").words


def test_a_handover_to_the_serving_cell_is_told_to_be_refused() -> None:
    oracle = Oracle()
    simulator = network(oracle, 100)
    simulator.reset(small(), seed=1)
    simulator.apply(HandOver("uav-1", "west"))
    oracle.said["handover"] = "handover=FAILED"
    device = simulator.advance(100).devices["uav-1"]
    assert "refused" in oracle.asked_about("uav-1").words
    assert (device.cell, device.handover, device.handover_target) == ("west", "FAILED", "west")


# ------------------------------------------------------------------ rest
def calm(*faults: CellPowerDrop) -> Scenario:
    """Nothing flies, nothing is short of anything."""
    uav, *others = small().groups
    assert uav.airframe is not None
    hovering = uav.airframe.model_copy(update={"waypoints": ()})
    groups = (uav.model_copy(update={"airframe": hovering, "routes": ()}), *others)
    return small().model_copy(update={"groups": groups, "faults": faults})


def figures(interval: Interval) -> Interval:
    """The interval without the clock and without the fields that the backend tracks."""
    return replace(interval, start_ms=0, end_ms=0, battery_percent={}, traffic_share={})


READS = (
    ToolCall(tool="check_network_state", arguments={}),
    ToolCall(tool="read_telemetry", arguments={}),
    ToolCall(tool="assess_link_quality", arguments={}),
    ToolCall(tool="no_such_tool", arguments={}),
)


def test_a_network_at_rest_stays_as_it_is_while_it_is_looked_at() -> None:
    oracle = Oracle()
    backend = SimulatedBackend(network(oracle, 100))
    _, start = backend.reset(calm(), seed=1)
    assert len(oracle.rounds) == 1
    for number, call in enumerate([*READS, *READS], 1):
        interval = backend.execute(call).interval
        assert (interval.start_ms, interval.end_ms) == (100 * (number - 1), 100 * number)
        assert figures(interval) == figures(start)
    assert len(oracle.rounds) == 1


Touch = Callable[[SimulatedBackend, ExperimentModelSimulator], object]

TOUCHES: Mapping[str, Touch] = {
    "a share": lambda backend, _: backend.execute(
        ToolCall(
            tool="trigger_slice_reallocation",
            arguments={"slice": "eMBB", "resources": {"dedicated": 10, "min": 20, "max": 60}},
        )
    ),
    "another slice": lambda backend, _: backend.execute(
        ToolCall(tool="switch_network_slice", arguments={"from_slice": "eMBB", "to_slice": "URLLC"})
    ),
    "a fault": lambda backend, _: backend.execute(
        READS[0], CellPowerDrop(start_ms=300, duration_ms=5_000, cell="west", drop_db=1)
    ),
    "less traffic": lambda backend, simulator: (simulator.apply(ScaleTraffic("uav", 0.9)), backend.idle()),
    "a flight": lambda backend, simulator: (
        simulator.apply(Fly("uav-1", (Position(x_m=90, y_m=40, z_m=60),), 10)),
        backend.idle(),
    ),
    "a move": lambda backend, simulator: (
        simulator.apply(MoveToSlice("uav", SliceType.URLLC)),
        backend.idle(),
    ),
}


@pytest.mark.parametrize("what", TOUCHES)
def test_whatever_touches_a_network_at_rest_is_put_to_the_model(what: str) -> None:
    oracle = Oracle()
    simulator = network(oracle, 100)
    backend = SimulatedBackend(simulator)
    backend.reset(calm(), seed=1)
    for call in READS[:3]:
        backend.execute(call)
    assert len(oracle.rounds) == 1
    TOUCHES[what](backend, simulator)
    assert len(oracle.rounds) == 2
    # what was done shows for some intervals, and then the network is at rest again
    for _ in range(20):
        backend.execute(READS[0])
    assert 3 < len(oracle.rounds) < 20


def test_a_fault_wakes_a_network_at_rest_when_it_begins_and_when_it_ends() -> None:
    oracle = Oracle()
    simulator = network(oracle, 100)
    simulator.reset(calm(CellPowerDrop(start_ms=500, duration_ms=1_500, cell="west", drop_db=2)), seed=1)
    asked: list[int] = []
    for number in range(30):
        before = len(oracle.rounds)
        interval = simulator.advance(100)
        if len(oracle.rounds) > before:
            asked.append(100 * number)
        assert interval.faults == (("cell_power_drop",) if 500 <= interval.start_ms < 2_000 else ())
        assert interval.cells["west"].tx_power_dbm == (34 if interval.faults else 36)
    assert asked[0] == 500
    assert 2_000 in asked
    assert not {400, 1_900, 2_900} & set(asked)


def test_a_queue_that_is_worked_off_is_no_rest() -> None:
    oracle = Oracle()
    oracle.said["queue"] = QUEUE.word(59)
    simulator = network(oracle, 100)
    simulator.reset(calm(), seed=1)
    for _ in range(5):
        simulator.advance(100)
    assert len(oracle.rounds) == 6


def test_nothing_is_on_its_way_the_longer_a_network_rests() -> None:
    oracle = Oracle()
    oracle.said |= {"delivered": DELIVERED.word(0.995), "lost": LOST.word(0)}
    simulator = network(oracle, 100)
    simulator.reset(calm(), seed=1)
    for _ in range(30):
        simulator.advance(100)
    assert len(oracle.rounds) == 1
    simulator.apply(ScaleTraffic("uav", 0.9))
    simulator.advance(100)
    told = oracle.asked_about("uav-1").words
    assert all(float(word.partition("=")[2]) < 0.2 for word in told if word.startswith("pending="))


def test_a_network_short_of_resources_is_never_at_rest() -> None:
    oracle = Oracle()
    simulator = network(oracle, 100)
    simulator.reset(calm(), seed=1)
    simulator.apply(InjectFault(CellOutage(start_ms=0, duration_ms=60_000, cell="west")))
    for _ in range(12):
        simulator.advance(100)
    assert len(oracle.rounds) == 13
