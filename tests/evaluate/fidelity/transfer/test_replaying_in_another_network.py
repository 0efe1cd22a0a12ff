"""Replays, the rows that are kept of them, and the figures that come out."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from sixgym.agents.registry import make_agent
from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import BackendInfo, Episode, ToolCall
from sixgym.episodes.jsonl import RecordFileError
from sixgym.evaluate.fidelity.transfer.figures import (
    NothingToCompareError,
    TransferFigures,
    TransferSetting,
    transfer_figures,
)
from sixgym.evaluate.fidelity.transfer.report import summary_lines, transfer_page
from sixgym.evaluate.fidelity.transfer.rows import (
    GradedPart,
    RowConditions,
    RowKey,
    RowStore,
    TransferRow,
    row_of,
)
from sixgym.run.replay import ReplayAgent, Script, replay
from sixgym.run.rollout import rollout
from sixgym.scoring.goals import judge
from sixgym.scoring.result import Result
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.grading import grade
from sixgym.tasks.record import BenchTask
from tests.doubles import FluidSimulator
from tests.evaluate.fidelity.transfer.replays import BOUND_MS, SlowerFluid, mixed_task, mixed_tasks
from tests.scoring.rows import row as result_row

TASK = mixed_task(0)
SHA = "a" * 64


def on(simulator: FluidSimulator) -> Environment:
    return Environment(SimulatedBackend(simulator))


def played(agent: str, task: BenchTask = TASK) -> Episode:
    return rollout(on(FluidSimulator()), make_agent(agent, seed=5), task.task)


# ---------------------------------------------------------------------- replays
@pytest.mark.parametrize("agent", ["null", "random", "spam", "threshold"])
def test_a_replay_on_the_same_network_is_the_same_episode(agent: str) -> None:
    original = played(agent)
    again = replay(on(FluidSimulator()), original)
    assert again.agent == agent
    assert again.id == f"{original.id}-on-fluid"
    assert Script.of(again) == Script.of(original)
    assert (again.answer, again.truncated) == (original.answer, original.truncated)
    for one, other in zip(again.steps, original.steps, strict=True):
        assert (one.turn.call, one.outcome, one.interval) == (
            other.turn.call,
            other.outcome,
            other.interval,
        )
    assert again.remainder == original.remainder


def test_a_replay_is_graded_by_what_the_other_network_measured() -> None:
    original = played("random")
    elsewhere = replay(on(SlowerFluid()), original)
    assert judge(original).success
    assert not judge(elsewhere).success
    assert elsewhere.backend.name == "slower"
    assert [step.turn.call for step in elsewhere.steps] == [step.turn.call for step in original.steps]


def test_a_replay_costs_no_tokens() -> None:
    original = played("random")
    assert all(step.turn.usage is None for step in replay(on(FluidSimulator()), original).steps)


def test_an_episode_that_broke_off_is_not_replayed() -> None:
    broken = rollout(on(FluidSimulator(fail_after=2)), make_agent("spam"), TASK.task)
    with pytest.raises(ValueError, match="broke off: the test simulator broke"):
        replay(on(FluidSimulator()), broken)


def test_a_script_without_an_answer_fits_no_larger_budget() -> None:
    script = Script.of(played("spam"))
    assert script.answer is None
    larger = TASK.task.model_copy(update={"max_steps": TASK.task.max_steps + 1})
    with pytest.raises(ValueError, match="ends after 4 calls without an answer"):
        rollout(on(FluidSimulator()), ReplayAgent("spam", script), larger)


values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
calls = st.builds(ToolCall, tool=st.text(), arguments=st.dictionaries(st.text(), values, max_size=3))


@given(st.lists(calls, max_size=4), st.none() | st.text(st.characters(exclude_categories=["Cs"])))
def test_a_stored_script_has_the_same_checksum(made: list[ToolCall], answer: str | None) -> None:
    script = Script(calls=tuple(made), answer=answer)
    again = Script.model_validate_json(script.model_dump_json())
    assert again == script
    assert again.sha256 == script.sha256


def test_other_calls_another_order_and_another_answer_have_other_checksums() -> None:
    one, two = (ToolCall(tool=tool, arguments={}) for tool in ("one", "two"))
    scripts = [
        Script(calls=(one, two), answer="Done."),
        Script(calls=(two, one), answer="Done."),
        Script(calls=(one,), answer="Done."),
        Script(calls=(one, two), answer=None),
        Script(calls=(one, two), answer="done."),
    ]
    assert len({script.sha256 for script in scripts}) == len(scripts)


# ---------------------------------------------------------------------- rows
def own_row(agent: str = "null", task: BenchTask = TASK) -> TransferRow:
    episode = played(agent, task)
    return row_of(RowKey(agent=agent, task=task.task.id), SHA, episode, grade(task, 0, episode))


def test_a_row_keeps_what_decided_and_no_clock() -> None:
    row = own_row("random")
    (part,) = row.parts
    assert part.about == f"latency_ms of robot < {BOUND_MS:g}"
    assert (part.metric, part.met, part.held) == ("latency_ms", True, 1.0)
    assert part.lowest is not None
    assert part.median is not None
    assert part.highest is not None
    assert part.lowest <= part.median <= part.highest < BOUND_MS
    assert (row.result.agent_s, row.result.world_s) == (0, 0)
    assert row.script is not None
    assert len(row.script.calls) == row.result.calls


def store_at(path: Path, version: str = "test", sha256: str = SHA) -> RowStore:
    return RowStore(path, RowConditions(version, sha256))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl.gz"


@pytest.mark.parametrize("packed", [True, False])
def test_rows_come_back_whether_packed_or_not(path: Path, packed: bool) -> None:
    store, row = store_at(path), own_row()
    store.add([row])
    if packed:
        store.pack()
    again = store_at(path)
    assert row.key in again
    assert again[row.key] == row
    assert again.rejected == {}
    assert path.exists() == packed


def test_rows_made_otherwise_are_not_used_and_counted_by_reason(path: Path) -> None:
    store = store_at(path)
    row = own_row()
    store.add([row])
    store.pack()
    assert store_at(path, version="newer").rejected == {"made by version test, here is newer": 1}
    assert store_at(path, sha256="b" * 64).rejected == {f"of task set {SHA[:12]}, here is {'b' * 12}": 1}
    older = json.loads(gzip.decompress(path.read_bytes()))
    older["result"]["grader"] = 0
    path.write_bytes(gzip.compress(json.dumps(older).encode() + b"\n"))
    store = store_at(path)
    assert store.rejected == {"graded by version 0 of the rules, here is 1": 1}
    assert row.key not in store


def test_a_row_says_by_which_rules_it_was_graded(path: Path) -> None:
    store = store_at(path)
    store.add([own_row()])
    store.pack()
    assert json.loads(gzip.decompress(path.read_bytes()))["result"]["grader"] == 1


def test_a_write_that_broke_off_costs_that_row_alone(path: Path) -> None:
    rows = [own_row("null"), own_row("random"), own_row("threshold")]
    store = store_at(path)
    store.add(rows[:2])
    (growing,) = path.parent.glob(".*growing")
    content = growing.read_bytes()
    first = content.index(b"\n") + 1
    for size in (first, first + 1, (first + len(content)) // 2, len(content) - 1):
        growing.write_bytes(content[:size])
        store = store_at(path)
        assert [row.key in store for row in rows] == [True, False, False]
        store.add([rows[2]])
        again = store_at(path)
        assert [row.key in again for row in rows] == [True, False, True]


def test_the_order_in_which_rows_came_does_not_show(tmp_path: Path) -> None:
    rows = [own_row("null"), own_row("random")]
    for name, order in (("a", rows), ("b", rows[::-1])):
        store = store_at(tmp_path / name)
        for row in order:
            store.add([row])
        store.pack()
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@given(st.binary(max_size=200), st.booleans())
def test_a_file_of_something_else_is_named(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, packed: bool
) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(b"{}" + content) if packed else b"no" + content)
    with pytest.raises(RecordFileError, match=r"rows\.jsonl\.gz"):
        store_at(path)


# ---------------------------------------------------------------------- figures
SETTING = TransferSetting(
    command="sixgym fidelity transfer",
    candidate=BackendInfo(name="quick", version="1"),
    reference=BackendInfo(name="true", version="2"),
    task_set="samples 1",
    task_set_sha256=SHA,
    tasks={"L1": 4},
    topology_seeds=(51, 54),
)


def made_row(
    agent: str, place: int, met: bool, *, broken: bool = False, metric: str = "latency_ms"
) -> TransferRow:
    result = result_row(f"t-{place}", success=met, agent=agent, broken=broken, tier=("L1", "L2")[place % 2])
    part = GradedPart(about=f"{metric} of drone < 40", metric=metric, met=met, held=1.0 if met else 0.5)
    return TransferRow(
        key=RowKey(agent=agent, task=f"t-{place}"),
        version="1",
        task_set_sha256=SHA,
        result=result,
        parts=() if broken else (part,),
        episode=f"{agent}-{place}",
        script=None if broken else Script(calls=(), answer="Done."),
    )


def rows_of(outcomes: dict[str, str], **kind: str) -> list[TransferRow]:
    """By agent one letter a task: + met, - missed, x broken on our side."""
    return [
        made_row(agent, place, letter == "+", broken=letter == "x", **kind)  # type: ignore[arg-type]
        for agent, letters in outcomes.items()
        for place, letter in enumerate(letters)
    ]


def figures_of(here: dict[str, str], there: dict[str, str]) -> TransferFigures:
    return transfer_figures(SETTING, rows_of(here), rows_of(there))


def test_gap_agreement_and_where_they_differ() -> None:
    figures = figures_of(
        {"one": "++--", "two": "++++", "reference": "++++", "null": "----"},
        {"one": "-++-", "two": "+++-", "reference": "++++", "null": "----"},
    )
    one, two, *_ = figures.overall.agents
    assert (one.candidate, one.reference, one.gap, one.agreement) == (0.5, 0.5, 0.0, 0.5)
    assert (one.only_candidate, one.only_reference) == (1, 1)
    assert (two.gap, two.agreement) == (0.25, 0.75)
    assert two.gap_ci95[0] < 0.25 < two.gap_ci95[1]
    assert figures.overall.mean_gap == pytest.approx(0.25 / 4)
    assert figures.overall.largest_gap == 0.25
    assert not figures.goals_met
    assert figures.in_between is not None
    assert [agent.agent for agent in figures.in_between.agents] == ["one", "two"]
    assert {tier: group.agreement for tier, group in figures.tiers.items()} == {"L1": 6 / 8, "L2": 7 / 8}
    assert [(d.agent, d.task, d.met_on) for d in figures.disagreements] == [
        ("one", "t-0", "candidate"),
        ("one", "t-2", "reference"),
        ("two", "t-3", "candidate"),
    ]
    (cause,) = figures.causes
    assert (cause.metric, cause.missed_on_candidate, cause.missed_on_reference) == ("latency_ms", 1, 2)


def test_what_our_side_broke_is_left_out_of_the_pairs_and_listed() -> None:
    figures = figures_of({"one": "++x+", "two": "++++"}, {"one": "++", "two": "+x++"})
    assert [agent.n for agent in figures.overall.agents] == [2, 3]
    assert figures.overall.agreement == 1
    assert {(one.agent, one.task, one.network) for one in figures.failures} == {
        ("one", "t-2", "candidate"),
        ("two", "t-1", "reference"),
    }
    page = transfer_page(figures, "stem")
    assert "## Infrastructure failures" in page
    assert "the simulator died" in page
    with pytest.raises(NothingToCompareError, match="nothing is known about the gap"):
        figures_of({"one": "x+"}, {"one": "+x"})


@pytest.mark.parametrize("agents", [("one",), ("one", "two", "three", "four")])
@pytest.mark.parametrize("outcome", ["----", "++++"])
def test_there_is_no_correlation_where_all_agents_are_equal(agents: tuple[str, ...], outcome: str) -> None:
    outcomes = dict.fromkeys(agents, outcome)
    figures = figures_of(outcomes, outcomes)
    assert figures.overall.correlation is None
    assert figures.goals_met
    page = transfer_page(figures, "stem")
    assert "nan" not in page.lower()
    assert "Nowhere." in page
    assert TransferFigures.model_validate_json(figures.model_dump_json()) == figures


def test_the_page_names_every_agent_tier_and_disagreement() -> None:
    figures = figures_of({"one": "++--", "two": "++++"}, {"one": "-+--", "two": "++++"})
    page = transfer_page(figures, "stem")
    assert "| one | 4 | 50.0 (15.0 to 85.0) | 25.0 (4.6 to 69.9) | +25.0 (" in page
    assert "| L1 | 50.0 → 0.0 | 100.0 → 100.0 |" in page
    assert "| t-0 | L1 | one | quick | none | latency_ms of drone < 40 | 100 % | 50 % |" in page
    assert "latency_ms | 0 | 1 |" in page
    assert "Closed loop" not in page
    assert any("gap  +25.0" in line for line in summary_lines(figures))


def test_agents_at_work_on_the_reference_itself_are_a_table_of_their_own() -> None:
    here, there = rows_of({"one": "++--", "two": "++++"}), rows_of({"one": "++--", "two": "++++"})
    own: list[Result] = [row.result for row in rows_of({"one": "+---"})]
    figures = transfer_figures(SETTING, here, there, own)
    assert figures.overall.largest_gap == 0
    assert figures.closed_loop is not None
    (one,) = figures.closed_loop.agents
    assert (one.n, one.gap, one.agreement) == (4, 0.25, 0.75)
    assert "## Closed loop" in transfer_page(figures, "stem")


# ---------------------------------------------------------------------- the real ones
@pytest.fixture
def ns3() -> Iterator[SimulatedBackend]:
    backend = SimulatedBackend(make_simulator("ns3"))
    yield backend
    backend.close()


@pytest.mark.ns3
def test_calls_made_on_tti_are_repeated_on_ns3(ns3: SimulatedBackend) -> None:
    (task,) = mixed_tasks(1)
    original = rollout(
        Environment(SimulatedBackend(make_simulator("tti"))), make_agent("random", seed=2), task.task
    )
    there = replay(Environment(ns3), original)
    assert there.infrastructure_failure is None
    assert there.backend.name == "ns3"
    assert Script.of(there) == Script.of(original)
    assert len(there.steps) + len(there.remainder) == task.task.horizon
