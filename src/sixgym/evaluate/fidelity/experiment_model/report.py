"""The page of the measurement of the experiment model."""

from collections.abc import Iterator

from sixgym.evaluate.fidelity.effects.report import effects_section
from sixgym.evaluate.fidelity.experiment_model.calibration import CENTRAL, DimensionCalibration
from sixgym.evaluate.fidelity.experiment_model.dimensions import DIMENSIONS, MEASURED
from sixgym.evaluate.fidelity.experiment_model.figures import ExperimentFigures
from sixgym.evaluate.fidelity.experiment_model.one_step import (
    ALL,
    BASELINE,
    EQUAL_TOOLS,
    FLOOR,
    MODEL,
    NO_CHANGE,
    PREDICTORS,
    SHOWN_STEPS,
    DimensionErrors,
    StepErrors,
)
from sixgym.evaluate.markdown import bare, number, table
from sixgym.evaluate.statistics import CONFIDENCE, RESAMPLES

LABELS = {one.name: one.label for one in DIMENSIONS}
TITLES = {
    ALL: "All steps",
    EQUAL_TOOLS: "All steps, with equally frequent tools",
    "configuration": "A configuration call was carried out",
    "radio": "A UAV was sent somewhere or handed over",
    "fault": "A fault began or ended",
    "else": "Everything else",
}


def experiment_page(figures: ExperimentFigures, stem: str) -> str:
    """The page in Markdown. Its plots and figures have the same stem."""
    parts = (
        _heading(figures, stem),
        _one_step(figures),
        _drift(figures, stem),
        _calibration(figures, stem),
    )
    page = "\n".join(line for part in parts for line in part)
    return page if figures.effects is None else f"{page}\n{effects_section(figures.effects)}"


def summary_lines(figures: ExperimentFigures) -> Iterator[str]:
    """A line for each dimension, for a terminal."""
    for one in figures.one_step[0].dimensions:
        if one.dimension == DIMENSIONS[0].name:
            yield f"{LABELS[one.dimension]}: {bare(one.errors.get(MODEL))}"
        else:
            yield (
                f"{LABELS[one.dimension]}: mean error one step ahead {bare(one.errors.get(MODEL))}, "
                f"{bare(one.ratios.get(MODEL))} of the floor"
            )


def plot_names(stem: str) -> tuple[str, str]:
    """Names of the plot files: drift, and PIT values."""
    return f"{stem}-drift.svg", f"{stem}-pit.svg"


def model_name(figures: ExperimentFigures) -> str:
    """The name of the model, without the folder of its checkpoint."""
    return figures.checked.model.name.partition(":")[0]


def predictor_names(figures: ExperimentFigures) -> dict[str, str]:
    """Names of the predictors by key, in the order of the page."""
    checked = figures.checked
    names = {
        MODEL: model_name(figures),
        NO_CHANGE: "no change",
        BASELINE: checked.beside.name,
        FLOOR: f"{checked.reference.name}'s replicate",
    }
    return {name: names[name] for name in PREDICTORS}


# ---------------------------------------------------------------------- sections
def _heading(figures: ExperimentFigures, stem: str) -> Iterator[str]:
    checked = figures.checked
    model, reference, seeds = checked.model, checked.reference, checked.topology_seeds
    yield f"# How far {model_name(figures)} is from {reference.name}"
    yield ""
    yield (
        f"Made by `{checked.command}`: {figures.episodes} held-out explorations on topology seeds "
        f"{seeds[0]} to {seeds[1]}, recorded on {reference.name} {reference.version}, each with a replicate. "
        f"Model {model.version}, learned from {checked.learned_from}; baseline {checked.beside.name} "
        f"{checked.beside.version}. Every figure: `{stem}.json`."
    )
    yield ""
    yield (
        "The state has six dimensions: the active slice, and its latency, jitter, loss, throughput, and "
        f"the load of its edge node. Errors are absolute differences from the states recorded on "
        f"{reference.name}; for the slice, the share of steps at which it is right. Their {CONFIDENCE:.0%} "
        f"intervals come from {RESAMPLES} bootstrap samples of whole topology seeds. {figures.compared} of "
        f"{figures.steps} steps are compared; before the other steps the replicate had a different change."
    )
    yield ""
    names = predictor_names(figures)
    yield from (
        f"- {names[MODEL]}: the model's medians. In {figures.resting} of the steps the model was not asked, "
        "because the network was at rest.",
        f"- {names[NO_CHANGE]}: the state before the step.",
        f"- {names[BASELINE]}: the same network, seed and calls on {names[BASELINE]}, which draws the same "
        "traffic and fading. It runs from the start of the episode, as it cannot start in the middle.",
        f"- {names[FLOOR]}: the same network and calls on {reference.name} with other traffic and fading: "
        "the floor of chance. A median is nearer to a random outcome than another random outcome is, 0.71 "
        "times as far for a normal distribution. A ratio below 1 is therefore expected of a good model.",
    )
    yield ""


def _one_step(figures: ExperimentFigures) -> Iterator[str]:
    yield "## One step ahead"
    yield ""
    yield (
        "Before every step the model gets the recorded history, and it predicts the interval of the call. "
        "Each cell has the mean error, its interval, and the median error in brackets; a few outages "
        "dominate a mean. Ratios are mean errors divided by that of the replicate. With equally frequent "
        "tools, the weight of a step is one over the probability of its tool in the traces, in which "
        "configuration calls are frequent."
    )
    yield ""
    for steps in figures.one_step:
        yield f"### {TITLES[steps.of]}"
        yield ""
        yield f"{steps.steps} steps."
        yield ""
        yield from _errors(figures, steps)


def _errors(figures: ExperimentFigures, steps: StepErrors) -> Iterator[str]:
    names = predictor_names(figures)
    head = ("", *names.values(), f"{names[MODEL]} / replicate", f"{names[BASELINE]} / replicate")
    yield from table(
        head,
        (
            (
                LABELS[one.dimension],
                *(_cell(one, name) for name in names),
                bare(one.ratios.get(MODEL)),
                bare(one.ratios.get(BASELINE)),
            )
            for one in steps.dimensions
        ),
    )


def _cell(one: DimensionErrors, name: str) -> str:
    found = bare(one.errors.get(name))
    return found if one.dimension == DIMENSIONS[0].name else f"{found} [{number(one.medians.get(name))}]"


def _drift(figures: ExperimentFigures, stem: str) -> Iterator[str]:
    names = predictor_names(figures)
    yield "## Drift"
    yield ""
    yield (
        "In open loop the model gets the recorded first interval and then only the recorded calls: it "
        "continues from its own predictions. No change is the recorded first state. "
        f"{figures.differing} of {figures.open_loop_calls} calls were carried out and had been refused on "
        f"{figures.checked.reference.name}, or the other way round. Mean errors:"
    )
    yield ""
    shown = [one for one in figures.drift if one.step in SHOWN_STEPS]
    yield from table(
        ("", "step", *names.values(), f"{names[MODEL]} / replicate"),
        (
            (
                LABELS[dimension.dimension],
                str(one.step),
                *(bare(dimension.errors.get(name)) for name in names),
                bare(dimension.ratios.get(MODEL)),
            )
            for index in range(len(DIMENSIONS))
            for one, dimension in ((one, one.dimensions[index]) for one in shown)
        ),
    )
    yield f"![Mean errors by step]({plot_names(stem)[0]})"
    yield ""


def _calibration(figures: ExperimentFigures, stem: str) -> Iterator[str]:
    found = figures.calibration
    if found is None:
        return
    model = model_name(figures)
    expected = " and ".join(f"{found.expected[f'{100 * share:.0f}']:.3g} %" for share in CENTRAL)
    yield "## Calibration"
    yield ""
    yield (
        f"`{model}-sampled` samples from the distribution of the model: {found.draws} samples at each of "
        f"{found.transitions} transitions drawn from the steps above, with the recorded history. Inside is "
        "the share of recorded values between the quantiles of the samples, ends included, so ties are "
        f"inside; with {found.draws} samples, a calibrated model has {expected} inside. CRPS is the "
        "continuous ranked probability score, without the bias of few samples. The CRPS of a model whose "
        "samples all are its median is the absolute error, which is in the next columns. At "
        f"{found.resting} of the transitions the network was at rest, and all samples are the state before."
    )
    yield ""
    shares = [f"{100 * share:.0f}" for share in CENTRAL]
    head = ("", *(f"inside central {share} %" for share in shares), "CRPS", "error of the samples' median")
    yield from table((*head, f"error of {model}"), (_calibrated(one) for one in found.dimensions))
    yield (
        f"![Histograms of the PIT values]({plot_names(stem)[1]})\n\nThe PIT value is the relative rank of "
        "the recorded value among the samples, with a random rank among equal samples. The histogram is "
        "level if both come from one distribution, high at the ends if the samples spread too little, and "
        "high in the middle if they spread too much."
    )
    yield ""


def _calibrated(one: DimensionCalibration) -> list[str]:
    inside = [f"{bare(one.inside[f'{100 * share:.0f}'])}" for share in CENTRAL]
    label = next(dimension.label for dimension in MEASURED if dimension.name == one.dimension)
    return [label, *inside, bare(one.crps), bare(one.median_error), bare(one.model_error)]
