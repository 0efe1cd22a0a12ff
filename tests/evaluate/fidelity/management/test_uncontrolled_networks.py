import pytest

from sixgym.evaluate.fidelity.management.figures import ManagementFigures, management_figures
from sixgym.evaluate.fidelity.management.report import management_page
from sixgym.evaluate.fidelity.management.runs import (
    UncontrolledExperiment,
    UncontrolledRun,
    management_experiment,
    watch,
)
from tests.evaluate.fidelity.slicing.networks import CountingFluid

SECONDS = 6.0


@pytest.fixture(scope="module")
def experiment() -> UncontrolledExperiment:
    return management_experiment((51, 52, 53), SECONDS)


def runs(experiment: UncontrolledExperiment, replica: int = 0) -> list[UncontrolledRun]:
    scenarios = {scenario.digest: scenario for scenario in experiment.scenarios}
    return [watch(CountingFluid(), scenarios[key.scenario], key) for key in experiment.keys("fluid", replica)]


def figures(experiment: UncontrolledExperiment, candidate: list[UncontrolledRun]) -> ManagementFigures:
    return management_figures(experiment, (candidate, runs(experiment), runs(experiment, 1)), "the command")


def slower(run: UncontrolledRun) -> UncontrolledRun:
    """The run with twice the delay and a tenth more of the packets lost, while faulty."""
    changed = {
        thing: {
            **values,
            **({"delay_ms": 2 * values["delay_ms"]} if "delay_ms" in values else {}),
            **({"loss_ratio": values["loss_ratio"] + 0.1} if "loss_ratio" in values else {}),
        }
        for thing, values in run.figures["faulty"].items()
    }
    return run.model_copy(update={"figures": {**run.figures, "faulty": changed}})


def test_every_scenario_is_seen_before_and_after_its_fault(experiment: UncontrolledExperiment) -> None:
    for run in runs(experiment):
        assert set(run.figures) == {"calm", "faulty"}
        assert any(thing.startswith("slice ") for thing in run.figures["faulty"])


def test_a_fault_shows_in_the_figures(experiment: UncontrolledExperiment) -> None:
    uav_inspection = runs(experiment)[0].figures
    delays = [uav_inspection[phase]["group drone"]["delay_ms"] for phase in ("calm", "faulty")]
    assert delays[1] > delays[0]


def test_equal_runs_have_no_error(experiment: UncontrolledExperiment) -> None:
    found = figures(experiment, runs(experiment)).differences
    assert len(found) > 100
    assert all(one.error is None or one.error.value == 0 for one in found)


def test_a_difference_is_in_percent_points_or_the_figures_own_unit(
    experiment: UncontrolledExperiment,
) -> None:
    found = figures(experiment, [slower(run) for run in runs(experiment)]).differences
    for one in found:
        assert one.error is not None
        wanted = {"delay_ms": 100.0, "loss_ratio": 10.0}.get(one.figure, 0.0) if one.phase == "faulty" else 0
        assert one.error.value == pytest.approx(wanted)
    assert {one.unit for one in found} == {"%", "points", "dB"}


def test_a_figure_that_a_run_does_not_have_is_left_out_and_counted(
    experiment: UncontrolledExperiment,
) -> None:
    candidate = runs(experiment)
    silent = {phase: {k: v for k, v in things.items() if k != "group drone"} for phase, things in
              candidate[0].figures.items()}  # fmt: skip
    candidate[0] = candidate[0].model_copy(update={"figures": silent})
    found = figures(experiment, candidate).differences
    drones = [one for one in found if one.object == "group drone" and one.scenario == "uav-inspection"]
    assert {one.seeds for one in drones} == {2}


def test_the_page_has_a_row_for_every_object_and_phase(experiment: UncontrolledExperiment) -> None:
    page = management_page(figures(experiment, runs(experiment)), "stem")
    for scenario in experiment.scenarios:
        assert f"## {scenario.name}" in page
        for group in scenario.groups:
            assert f"| faulty | group {group.name} |" in page
