from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from sixgym.domain.change import Change, Offload
from sixgym.domain.faults import HandoverFailure
from sixgym.evaluate.fidelity.effects.cases import FAULTS, KINDS, TOOLS, EffectCase, effect_cases
from sixgym.evaluate.fidelity.effects.figures import (
    EffectFigures,
    EffectTally,
    effect_figures,
)
from sixgym.evaluate.fidelity.effects.report import effects_section
from sixgym.evaluate.fidelity.effects.runs import (
    EffectJob,
    EffectPlayer,
    EffectRun,
    effect_jobs,
    play_effects,
    run_effects,
)
from sixgym.evaluate.fidelity.store import RunStore
from sixgym.simulators import factory
from tests.doubles import FluidSimulator

SEEDS = range(51, 81)


class Deaf(FluidSimulator):
    """Takes no notice of where tasks shall run."""

    name = "deaf"

    def apply(self, change: Change) -> None:
        if not isinstance(change, Offload):
            super().apply(change)


@pytest.fixture(scope="module")
def cases() -> tuple[EffectCase, ...]:
    return effect_cases(2, SEEDS, FluidSimulator)


@pytest.fixture(scope="module")
def runs(cases: tuple[EffectCase, ...]) -> list[EffectRun]:
    return played(cases, FluidSimulator)


def played(cases: Sequence[EffectCase], make: Callable[[], FluidSimulator]) -> list[EffectRun]:
    player = EffectPlayer(make)
    return [player.do(job) for job in effect_jobs(cases)]


def changed(runs: Sequence[EffectRun], change: Callable[[EffectRun, str, float], float]) -> list[EffectRun]:
    return [
        run.model_copy(
            update={
                "intervals": tuple({f: change(run, f, v) for f, v in one.items()} for one in run.intervals)
            }
        )
        for run in runs
    ]


def of_kind(figures: EffectFigures, kind: str, candidate: int = 0) -> EffectTally:
    return next(tally for tally in figures.candidates[candidate].tallies if tally.of == kind)


def made_up(
    cases: Sequence[EffectCase], network: str, effects: Callable[[EffectCase], tuple[float, float]]
) -> list[EffectRun]:
    """Runs with one figure: 100 and 101 without the action on the two seeds, and with it this much more."""

    def run(job: EffectJob) -> EffectRun:
        value = 100.0 + job.replica + (effects(job.case)[job.replica] if job.acting else 0.0)
        one = {"slice URLLC latency_ms": value}
        return EffectRun(key=job.key(network), version="1", intervals=(one,) * 4)

    return [run(job) for job in effect_jobs(cases)]


# ---------------------------------------------------------------------- cases
def test_there_are_as_many_cases_of_every_kind_as_were_asked_for(cases: tuple[EffectCase, ...]) -> None:
    assert [case.kind for case in cases] == [*KINDS, *KINDS]
    assert len({case.digest for case in cases}) == len(cases)


def test_more_cases_begin_with_the_same_ones(cases: tuple[EffectCase, ...]) -> None:
    assert effect_cases(1, SEEDS, FluidSimulator) == cases[: len(KINDS)]


def test_cases_are_on_the_seeds_that_were_asked_for() -> None:
    found = effect_cases(1, (60, 61), FluidSimulator)
    assert {case.network.topology_seed for case in found} == {60, 61}


def test_nothing_moves_in_a_case_and_something_strains_it_from_the_start(
    cases: tuple[EffectCase, ...],
) -> None:
    for case in cases:
        assert all(not any(group.routes) for group in case.network.groups)
        assert [fault.start_ms for fault in case.network.faults] == [0]


def test_a_tool_is_called_in_one_run_and_a_fault_strikes_in_one_run(cases: tuple[EffectCase, ...]) -> None:
    for case in cases:
        if case.kind in TOOLS:
            assert case.call.tool == case.kind
            assert case.neutral.tool == "check_network_state"
            assert case.struck == case.network
        else:
            assert case.call == case.neutral
            assert [fault.kind for fault in case.struck.faults][1:] == [case.kind]
            assert case.struck.faults[1].start_ms == 3 * case.network.decision_interval_ms


def test_tools_accept_the_calls_where_they_were_rehearsed(runs: list[EffectRun]) -> None:
    assert all(run.refused is None for run in runs)


def test_a_cell_that_refuses_handovers_is_asked_for_one(cases: tuple[EffectCase, ...]) -> None:
    for case in cases:
        if isinstance(case.fault, HandoverFailure):
            assert case.call.tool == "request_handover"
            assert isinstance(case.call.arguments, dict)
            assert case.call.arguments["gnb"] == case.fault.cell


@pytest.mark.parametrize(("count", "seeds"), [(0, SEEDS), (1, ())])
def test_no_cases_and_no_seeds_are_errors(count: int, seeds: Sequence[int]) -> None:
    with pytest.raises(ValueError, match=r"none|no topology seed"):
        effect_cases(count, seeds, FluidSimulator)


# ---------------------------------------------------------------------- runs
def test_an_interrupted_collection_goes_on_where_it_stopped(
    cases: tuple[EffectCase, ...], runs: list[EffectRun], tmp_path: Path
) -> None:
    store = RunStore(tmp_path / "effects.jsonl.gz", EffectRun, "test")
    store.add(runs[:-3])
    done: list[int] = []
    play_effects(cases, FluidSimulator, store, progress=done.append)
    assert sum(done) == 3
    store.pack()
    again = RunStore(store.path, EffectRun, "test")
    keys = [run.key for run in runs]
    assert list(again.usable(keys).values()) == runs


def test_a_changed_case_is_run_again(cases: tuple[EffectCase, ...]) -> None:
    other = cases[0].model_copy(update={"call": cases[0].neutral})
    assert EffectJob(other, 0, True).key("fluid") != EffectJob(cases[0], 0, True).key("fluid")


def test_a_network_is_taken_by_its_name(
    cases: tuple[EffectCase, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(factory.SIMULATORS, "fluid", FluidSimulator)
    store = RunStore(tmp_path / "effects.jsonl.gz", EffectRun, "test")
    done: list[int] = []
    run_effects(cases[:1], "fluid", store, progress=done.append)
    assert sum(done) == 4


# ---------------------------------------------------------------------- figures
def test_the_reference_agrees_with_itself(cases: tuple[EffectCase, ...], runs: list[EffectRun]) -> None:
    figures = effect_figures(cases, runs, [runs])
    tally = of_kind(figures, "all")
    assert tally.comparisons > 10
    assert (tally.same_sign, tally.ratio, tally.false) == (1, 1, 0)
    assert tally.rank_correlation == pytest.approx(1)
    assert figures.candidates[0].disagreements == ()


def test_a_candidate_without_an_effect_is_wrong(cases: tuple[EffectCase, ...], runs: list[EffectRun]) -> None:
    figures = effect_figures(cases, runs, [played(cases, Deaf)])
    deaf, other = of_kind(figures, "edge_offload"), of_kind(figures, "switch_network_slice")
    assert deaf.comparisons > 0
    assert deaf.same_sign == 0
    assert other.same_sign == 1
    worst = figures.candidates[0].disagreements[0]
    assert worst.case.startswith("edge_offload")
    assert worst.candidate[0] == worst.candidate[1]


def test_the_size_is_compared_too(cases: tuple[EffectCase, ...]) -> None:
    reference = made_up(cases, "one", lambda _: (30, 32))
    half = made_up(cases, "two", lambda _: (15, 16))
    tally = of_kind(effect_figures(cases, reference, [half]), "all")
    assert tally.ratio == pytest.approx(0.5)
    assert tally.same_sign == 1


def test_an_effect_that_changes_its_sign_with_the_seed_does_not_count(cases: tuple[EffectCase, ...]) -> None:
    reference = made_up(cases, "one", lambda case: (60, -20) if case.kind in FAULTS else (30, 32))
    figures = effect_figures(cases, reference, [reference])
    assert of_kind(figures, "all tools").comparisons == 2 * len(TOOLS)
    assert of_kind(figures, "all faults").comparisons == 0
    assert of_kind(figures, "all faults").same_sign is None


def test_an_effect_that_is_tiny_beside_its_figure_does_not_count(cases: tuple[EffectCase, ...]) -> None:
    reference = made_up(cases, "one", lambda case: (4, 4) if case.kind in FAULTS else (6, 6))
    figures = effect_figures(cases, reference, [reference])
    assert of_kind(figures, "all tools").comparisons == 2 * len(TOOLS)
    assert of_kind(figures, "all faults").comparisons == 0


def test_an_effect_that_seeds_make_alone_does_not_count(cases: tuple[EffectCase, ...]) -> None:
    def apart(run: EffectRun, _: str, value: float) -> float:
        return value + 50 * run.key.replica

    reference = made_up(cases, "one", lambda _: (30, 30))
    noisy = changed(reference, apart)
    assert of_kind(effect_figures(cases, reference, [reference]), "all").comparisons == len(cases)
    assert of_kind(effect_figures(cases, noisy, [noisy]), "all").comparisons == 0


def test_an_effect_that_the_reference_does_not_have_is_invented(cases: tuple[EffectCase, ...]) -> None:
    reference = made_up(cases, "one", lambda _: (0, 0))
    lively = made_up(cases, "two", lambda case: (30, 30) if case.kind == "interferer" else (0, 0))
    tally = of_kind(effect_figures(cases, reference, [lively]), "all")
    assert (tally.quiet, tally.false) == (len(cases), 2)


def test_figures_of_one_case_are_one_piece_of_evidence(cases: tuple[EffectCase, ...]) -> None:
    """All comparisons right: the interval is Wilson's over the cases, not over the comparisons."""

    def twice(runs: list[EffectRun]) -> list[EffectRun]:
        return [
            run.model_copy(
                update={
                    "intervals": tuple(
                        {**one, "node edge-1 load": one["slice URLLC latency_ms"]} for one in run.intervals
                    )
                }
            )
            for run in runs
        ]

    once = made_up(cases, "one", lambda _: (30, 30))
    single = of_kind(effect_figures(cases, once, [once]), "all")
    double = of_kind(effect_figures(cases, twice(once), [twice(once)]), "all")
    assert double.comparisons == 2 * single.comparisons
    assert double.interval == pytest.approx(single.interval)


def test_a_case_that_the_reference_refuses_is_left_out_and_named(
    cases: tuple[EffectCase, ...], runs: list[EffectRun]
) -> None:
    key = EffectJob(cases[1], 1, True).key("fluid")
    refused = [run.model_copy(update={"refused": "no room"}) if run.key == key else run for run in runs]
    figures = effect_figures(cases, refused, [runs])
    assert figures.refused == (cases[1].id,)
    assert (
        of_kind(figures, cases[1].kind).cases
        == of_kind(effect_figures(cases, runs, [runs]), cases[1].kind).cases - 1
    )
    assert cases[1].id in effects_section(figures)


def test_a_missing_run_is_an_error(cases: tuple[EffectCase, ...], runs: list[EffectRun]) -> None:
    with pytest.raises(ValueError, match="has no run 'trigger_slice_reallocation-0"):
        effect_figures(cases, runs, [runs[1:]])


def test_the_section_has_a_row_for_every_kind_and_a_column_for_every_candidate(
    cases: tuple[EffectCase, ...], runs: list[EffectRun]
) -> None:
    figures = effect_figures(cases, runs, [runs, played(cases, Deaf)])
    section = effects_section(EffectFigures.model_validate_json(figures.model_dump_json()))
    for kind in (*KINDS, "all tools", "all faults", "latency_ms"):
        assert f"| {kind} |" in section
    assert "fluid: same sign" in section
    assert "deaf: same sign" in section
    assert "Largest disagreements of deaf" in section
