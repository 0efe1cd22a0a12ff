"""Errors one step ahead and in open loop."""

from collections.abc import Sequence

import numpy as np
import pytest

from sixgym.data.traces.manifest import Traces
from sixgym.evaluate.fidelity.experiment_model.figures import (
    ExperimentFigures,
)
from sixgym.evaluate.fidelity.experiment_model.held_out import (
    ReplicatePair,
    weights,
)
from sixgym.evaluate.fidelity.experiment_model.one_step import ALL, EQUAL_TOOLS, MODEL, PREDICTORS
from sixgym.evaluate.fidelity.experiment_model.prediction import OPEN_LOOP_STEPS
from sixgym.evaluate.fidelity.experiment_model.report import experiment_page
from tests.evaluate.fidelity.experiment_model.prediction_samples import Spread, measured


def error(figures: ExperimentFigures, dimension: str, who: str, of: str = ALL) -> float:
    steps = next(one for one in figures.one_step if one.of == of)
    return next(one for one in steps.dimensions if one.dimension == dimension).errors[who].value


MEASURED = ("latency_ms", "jitter_ms", "loss_ratio", "throughput_mbps", "edge_load")


@pytest.mark.parametrize("dimension", MEASURED)
def test_true_answers_are_nearer_than_no_change_and_guesses_are_far_off(
    knowing: ExperimentFigures, guessing: ExperimentFigures, dimension: str
) -> None:
    assert error(knowing, dimension, MODEL) < 0.5 * error(knowing, dimension, "no_change")
    assert error(guessing, dimension, MODEL) > 3 * error(knowing, dimension, MODEL)


def test_the_same_simulator_with_the_same_seed_makes_no_error_and_its_replicate_does(
    knowing: ExperimentFigures,
) -> None:
    for dimension in MEASURED:
        assert error(knowing, dimension, "beside") == 0
        assert error(knowing, dimension, "floor") > 0


def test_the_slice_follows_from_the_calls_though_answers_are_guesses(guessing: ExperimentFigures) -> None:
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
