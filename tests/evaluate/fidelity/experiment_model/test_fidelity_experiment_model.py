"""How far the experiment model is from what was recorded: steps, drift, spread."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from sixgym.data.traces.folder import TracesFolder
from sixgym.data.traces.manifest import Traces, TracesError
from sixgym.domain.slices import NetworkState, SliceType
from sixgym.episodes.episode import BackendInfo, Episode
from sixgym.evaluate.fidelity.experiment_model.calibration import crps, draw_transitions, pit_values
from sixgym.evaluate.fidelity.experiment_model.dimensions import (
    absolute_errors,
    clustered_mean,
    ratio_of_means,
    vectors,
)
from sixgym.evaluate.fidelity.experiment_model.figures import (
    ExperimentFigures,
    ExperimentSetting,
    experiment_figures,
    predict,
    prediction_batches,
)
from sixgym.evaluate.fidelity.experiment_model.held_out import (
    ReplicatePair,
    read_held_out,
    read_pairs,
    weights,
)
from sixgym.evaluate.fidelity.experiment_model.lockstep import in_lockstep
from sixgym.evaluate.fidelity.experiment_model.one_step import ALL, EQUAL_TOOLS, MODEL, PREDICTORS
from sixgym.evaluate.fidelity.experiment_model.prediction import DRAWS, OPEN_LOOP_STEPS
from sixgym.evaluate.fidelity.experiment_model.report import experiment_page
from sixgym.run.executor import WorkError
from sixgym.simulators.experiment_model.encode.answers import Question
from sixgym.simulators.experiment_model.simulator import Answers
from tests.evaluate.fidelity.experiment_model.prediction_samples import Knowing, Levels, Spread, make_traces

EPISODES = 3
CASES = 12


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("traces")
    make_traces(path, EPISODES)
    return path


@pytest.fixture(scope="module")
def traces(folder: Path) -> Traces:
    return read_held_out(folder)


@pytest.fixture(scope="module")
def pairs(folder: Path, traces: Traces) -> list[ReplicatePair]:
    return read_pairs(folder, traces, None)


def measured(traces: Traces, pairs: Sequence[ReplicatePair], answers: Answers) -> ExperimentFigures:
    info = BackendInfo(name="somebody", version="1")
    checked = ExperimentSetting(
        command="none",
        model=info,
        learned_from="nothing",
        beside=info,
        reference=traces.network,
        topology_seeds=(51, 52),
    )
    done = predict(
        prediction_batches(pairs, CASES), lambda: answers, "tti", workers=1, progress=lambda _: None
    )
    return experiment_figures(checked, traces, pairs, done, None)


@pytest.fixture(scope="module")
def knowing(traces: Traces, pairs: Sequence[ReplicatePair]) -> ExperimentFigures:
    return measured(traces, pairs, Knowing([pair.episode for pair in pairs]))


@pytest.fixture(scope="module")
def guessing(traces: Traces, pairs: Sequence[ReplicatePair]) -> ExperimentFigures:
    return measured(traces, pairs, Spread())


def error(figures: ExperimentFigures, dimension: str, who: str, of: str = ALL) -> float:
    steps = next(one for one in figures.one_step if one.of == of)
    return next(one for one in steps.dimensions if one.dimension == dimension).errors[who].value


MEASURED = ("latency_ms", "jitter_ms", "loss_ratio", "throughput_mbps", "edge_load")


# ---------------------------------------------------------------------- one step, drift
@pytest.mark.parametrize("dimension", MEASURED)
def test_true_answers_are_nearer_than_no_change_and_guesses_are_far_off(
    knowing: ExperimentFigures, guessing: ExperimentFigures, dimension: str
) -> None:
    assert error(knowing, dimension, MODEL) < 0.5 * error(knowing, dimension, "no_change")
    assert error(guessing, dimension, MODEL) > 3 * error(knowing, dimension, MODEL)


def test_the_same_simulator_with_the_same_seed_makes_no_error_and_its_twin_does(
    knowing: ExperimentFigures,
) -> None:
    for dimension in MEASURED:
        assert error(knowing, dimension, "beside") == 0
        assert error(knowing, dimension, "floor") > 0


def test_the_slice_is_right_by_bookkeeping_though_answers_are_guesses(guessing: ExperimentFigures) -> None:
    assert error(guessing, "slice", MODEL) == 100
    assert error(guessing, "slice", "no_change") < 100


def test_no_change_is_the_state_before_each_step(
    pairs: Sequence[ReplicatePair], knowing: ExperimentFigures
) -> None:
    apart = [
        abs(step.before.latency_ms - step.after.latency_ms)
        for pair in pairs
        for step in pair.episode.steps[: pair.aligned_steps]
    ]
    assert error(knowing, "latency_ms", "no_change") == pytest.approx(np.mean(apart))


def test_kinds_of_steps_share_all_of_them(knowing: ExperimentFigures) -> None:
    by_kind = {one.of: one.steps for one in knowing.one_step}
    assert by_kind.pop(ALL) == by_kind.pop(EQUAL_TOOLS) == knowing.compared
    assert set(by_kind) >= {"configuration", "radio", "else"}
    assert sum(by_kind.values()) == knowing.compared


def test_only_configuration_calls_move_the_managed_service_to_another_slice(
    guessing: ExperimentFigures,
) -> None:
    assert error(guessing, "slice", "no_change", "configuration") < 100
    assert error(guessing, "slice", "no_change", "else") == 100


def test_with_equal_tools_a_step_counts_with_one_over_its_probability(
    traces: Traces, pairs: Sequence[ReplicatePair], knowing: ExperimentFigures
) -> None:
    apart: list[float] = []
    counts: list[float] = []
    for pair in pairs:
        for step, weight in zip(
            pair.episode.steps[: pair.aligned_steps], weights(traces, pair.episode), strict=False
        ):
            assert step.turn.call is not None
            assert weight == 1 / traces.probabilities[step.turn.call.tool]
            apart.append(abs(step.before.jitter_ms - step.after.jitter_ms))
            counts.append(weight)
    assert error(knowing, "jitter_ms", "no_change", EQUAL_TOOLS) == pytest.approx(
        np.average(apart, weights=counts)
    )


def test_in_open_loop_no_change_is_the_beginning_and_the_first_step_is_one_step_ahead(
    pairs: Sequence[ReplicatePair], guessing: ExperimentFigures
) -> None:
    assert [one.step for one in guessing.drift] == list(range(1, OPEN_LOOP_STEPS + 1))
    fifth = guessing.drift[4].dimensions[1].errors["no_change"].value
    apart = [
        abs(pair.episode.steps[0].before.latency_ms - pair.episode.steps[4].after.latency_ms)
        for pair in pairs
    ]
    assert fifth == pytest.approx(np.mean(apart))


def test_true_answers_drift_less_at_first_than_guesses(
    knowing: ExperimentFigures, guessing: ExperimentFigures
) -> None:
    for index in range(1, 6):
        knew, guessed = (one.drift[0].dimensions[index].errors[MODEL] for one in (knowing, guessing))
        assert knew.value < guessed.value


def test_every_predictor_has_an_error_at_every_step_of_the_drift(knowing: ExperimentFigures) -> None:
    for one in knowing.drift:
        for dimension in one.dimensions:
            assert set(dimension.errors) == set(PREDICTORS)


def test_figures_do_not_depend_on_how_episodes_are_grouped(
    traces: Traces,
    pairs: Sequence[ReplicatePair],
    guessing: ExperimentFigures,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sixgym.evaluate.fidelity.experiment_model.figures.EPISODES_PER_BATCH", 2)
    assert measured(traces, pairs, Spread()) == guessing


def test_the_page_holds_every_table_and_survives_json(guessing: ExperimentFigures) -> None:
    again = ExperimentFigures.model_validate_json(guessing.model_dump_json())
    assert again == guessing
    page = experiment_page(again, "stem")
    for part in ("## One step ahead", "## Drift", "## Calibration", "(stem-drift.svg)", "(stem-pit.svg)"):
        assert part in page
    assert "nan" not in page


# ---------------------------------------------------------------------- what is drawn
def test_draws_that_are_all_over_the_place_hold_the_truth_and_cost(
    knowing: ExperimentFigures, guessing: ExperimentFigures
) -> None:
    assert guessing.calibration is not None
    assert knowing.calibration is not None
    assert guessing.calibration.transitions == CASES
    assert guessing.calibration.draws == DRAWS
    wide, sharp = guessing.calibration.dimensions[0], knowing.calibration.dimensions[0]
    assert wide.inside["90"].value > sharp.inside["90"].value
    assert wide.crps.value > sharp.crps.value
    assert sum(wide.pit) == CASES


def test_draws_without_spread_cost_their_absolute_error(knowing: ExperimentFigures) -> None:
    assert knowing.calibration is not None
    for one in knowing.calibration.dimensions:
        assert one.crps.value == pytest.approx(one.median_error.value)
        assert one.median_error.value == pytest.approx(one.model_error.value)


def test_crps_of_draws_from_the_truth_is_that_of_the_distribution() -> None:
    rng = np.random.default_rng(5)
    said, true = rng.normal(size=(4_000, DRAWS)), rng.normal(size=4_000)
    # of a standard normal distribution about itself: 1 / sqrt(pi)
    assert crps(said, true).mean() == pytest.approx(1 / np.sqrt(np.pi), rel=0.03)


def test_places_are_level_where_draws_and_truth_are_alike_even_with_ties() -> None:
    rng = np.random.default_rng(6)
    said, true = rng.poisson(1.0, size=(4_000, DRAWS)) * 1.0, rng.poisson(1.0, size=4_000) * 1.0
    found, _ = np.histogram(pit_values(said, true, rng), bins=4, range=(0, 1))
    assert found == pytest.approx(1_000, rel=0.1)


def test_transitions_are_drawn_once_each_and_only_where_there_are_any() -> None:
    drawn = draw_transitions([3, 0, 4], 5)
    assert sum(map(len, drawn)) == 5
    assert not drawn[1]
    assert max(drawn[2], default=0) < 4
    assert draw_transitions([3, 0, 4], 5) == drawn
    assert sum(map(len, draw_transitions([3, 0, 4], 50))) == 7


# ---------------------------------------------------------------------- errors
def test_errors_are_in_points_where_the_state_has_shares_and_unknown_stays_unknown() -> None:
    state = NetworkState(
        version=1,
        t_ms=1,
        slice=SliceType.URLLC,
        latency_ms=5,
        jitter_ms=1,
        loss_ratio=0.25,
        throughput_mbps=2,
        edge_load=0.5,
    )
    other = state.model_copy(update={"slice": SliceType.EMBB, "loss_ratio": 0.5, "latency_ms": 7.0})
    true, said = vectors([state, state]), vectors([state, other])
    assert absolute_errors(said, true).tolist() == [[100, 0, 0, 0, 0, 0], [0, 2, 0, 25, 0, 0]]
    said[0] = np.nan
    assert np.isnan(absolute_errors(said, true)[0]).all()


PLACES = (51, 52)


def test_means_and_ratios_leave_out_what_is_unknown() -> None:
    above = np.array([[1.0, np.nan], [3.0, 5.0]])
    below = np.array([[1.0, 100.0], [2.0, np.nan]])
    ones = np.ones((2, 2))
    mean = clustered_mean(above, ones, PLACES)
    assert mean is not None
    assert mean.value == 3
    ratio = ratio_of_means(above, below, ones, PLACES)
    assert ratio is not None
    assert ratio.value == pytest.approx(4 / 3)
    assert ratio_of_means(above, 0 * below, ones, PLACES) is None


def test_episodes_of_one_place_are_no_evidence_for_each_other() -> None:
    values = np.array([[1.0], [1.0], [1.0], [3.0], [3.0], [3.0]])
    apart = clustered_mean(values, np.ones_like(values), range(51, 57))
    together = clustered_mean(values, np.ones_like(values), (51, 51, 51, 52, 52, 52))
    assert apart is not None
    assert together is not None
    assert apart.value == together.value == 2
    assert (together.low, together.high) == (1, 3)
    assert apart.high - apart.low < together.high - together.low


# ---------------------------------------------------------------------- side by side
def question() -> Question:
    return Question("cell", "a", ("cell",), ())


def test_everybody_at_work_is_answered_together_until_the_last_has_left() -> None:
    sizes: list[int] = []

    def answers(asked: Sequence[Question], levels: Levels) -> list[dict[str, str]]:
        sizes.append(len(asked))
        return [{"level": str(row[0])} for row in levels]

    def work(name: float, times: int) -> Callable[[Answers], list[str]]:
        return lambda ask: [ask([question()], [[name + time]])[0]["level"] for time in range(times)]

    done = in_lockstep(answers, [work(0.0, 3), work(10.0, 1), work(20.0, 2)])
    assert done == [["0.0", "1.0", "2.0"], ["10.0"], ["20.0", "21.0"]]
    assert sizes == [3, 2, 1]


@pytest.mark.parametrize("breaks", ["work", "answers"])
def test_a_failure_ends_everybody_and_says_why(breaks: str) -> None:
    def answers(asked: Sequence[Question], levels: Levels) -> list[dict[str, str]]:
        if breaks == "answers":
            raise ValueError("no answer")
        return [{} for _ in asked]

    def works(ask: Answers) -> None:
        for _ in range(3):
            ask([question()], [[]])

    def fails(ask: Answers) -> None:
        works(ask)
        if breaks == "work":
            raise ValueError("no work")

    def works_long(ask: Answers) -> None:
        for _ in range(100):
            ask([question()], [[]])

    before = threading.active_count()
    with pytest.raises(ValueError, match=f"no {'answer' if breaks == 'answers' else 'work'}"):
        in_lockstep(answers, [works_long, fails, works_long])
    assert threading.active_count() == before


def test_one_call_answers_all_episodes(traces: Traces, pairs: Sequence[ReplicatePair]) -> None:
    answers = Spread()
    measured(traces, pairs, answers)
    # 20 steps, and none of them is answered episode by episode
    assert len(answers.sizes) <= 20


# ---------------------------------------------------------------------- unfit traces
def test_a_twin_is_compared_until_something_else_is_changed_in_it(
    folder: Path, traces: Traces, tmp_path: Path
) -> None:
    episodes = {one.task.id: one for one in TracesFolder(folder).episodes()}
    assert read_pairs(folder, traces, 1)[0].aligned_steps == 20
    first, second = episodes["exploration-0-0"], episodes["exploration-0-1"]
    place = next(
        step.index
        for step in first.steps
        if step.turn.call is not None
        and step.turn.call.tool == "trigger_slice_reallocation"
        and step.outcome.ok
    )
    other = without_call(second, place)
    for episode in (first, other):
        TracesFolder(tmp_path).add(episode)
    assert read_pairs(tmp_path, traces, 1)[0].aligned_steps == place


def without_call(episode: Episode, place: int) -> Episode:
    """The same with a call that changes nothing."""
    step = episode.steps[place]
    assert step.turn.call is not None
    call = step.turn.call.model_copy(update={"tool": "check_network_state", "arguments": {}})
    changed = step.model_copy(update={"turn": step.turn.model_copy(update={"call": call})})
    return episode.model_copy(
        update={"steps": (*episode.steps[:place], changed, *episode.steps[place + 1 :])}
    )


def test_calls_that_do_otherwise_than_recorded_are_refused(
    folder: Path, traces: Traces, tmp_path: Path
) -> None:
    for episode in TracesFolder(folder).episodes():
        steps = [
            step.model_copy(
                update={"outcome": step.outcome.model_copy(update={"result": None, "error": "no"})}
            )
            for step in episode.steps
        ]
        TracesFolder(tmp_path).add(episode.model_copy(update={"steps": tuple(steps)}))
    with pytest.raises(TracesError, match="another version of the tools"):
        read_pairs(tmp_path, traces, None)


def test_a_tool_without_a_probability_is_an_error(traces: Traces, pairs: Sequence[ReplicatePair]) -> None:
    bare = traces.model_copy(update={"probabilities": {}})
    with pytest.raises(TracesError, match="probability"):
        list(weights(bare, pairs[0].episode))


def test_more_episodes_than_there_are_is_an_error(folder: Path, traces: Traces) -> None:
    assert len(read_pairs(folder, traces, 2)) == 2
    with pytest.raises(TracesError, match="3 explorations with their replicates, not 4"):
        read_pairs(folder, traces, 4)


def test_a_model_that_cannot_be_loaded_is_said_in_its_own_words(pairs: Sequence[ReplicatePair]) -> None:
    from sixgym.models.chat import ModelUnusableError

    def load() -> Answers:
        raise ModelUnusableError("these weights are no weights")

    with pytest.raises(WorkError, match=r"^these weights are no weights$"):
        predict(prediction_batches(pairs, 0), load, "tti", workers=1, progress=lambda _: None)
