"""The measurement of the experiment model as a page for people."""

from collections.abc import Iterator

from sixgym.evaluate.fidelity.effects.report import effects_section
from sixgym.evaluate.fidelity.experiment_model.calibration import CENTRAL, DimensionCalibration
from sixgym.evaluate.fidelity.experiment_model.dimensions import DIMENSIONS, MEASURED
from sixgym.evaluate.fidelity.experiment_model.figures import ExperimentFigures
from sixgym.evaluate.fidelity.experiment_model.one_step import (
    ALL,
    BESIDE,
    EQUAL_TOOLS,
    FLOOR,
    MODEL,
    NO_CHANGE,
    PREDICTORS,
    SHOWN_STEPS,
    DimensionErrors,
    StepErrors,
)
from sixgym.evaluate.fidelity.statistics import CONFIDENCE, RESAMPLES
from sixgym.evaluate.markdown import bare, number, table

LABELS = {one.name: one.label for one in DIMENSIONS}
TITLES = {
    ALL: "All steps",
    EQUAL_TOOLS: "All steps, every tool equally often",
    "configuration": "A configuration call was carried out",
    "radio": "A UAV was sent somewhere or handed over",
    "fault": "A fault began or ended",
    "else": "Everything else",
}


def experiment_page(figures: ExperimentFigures, stem: str) -> str:
    """The page in Markdown. Plots and figures are beside it under the same stem."""
    parts = (
        _heading(figures, stem),
        _one_step(figures),
        _drift(figures, stem),
        _calibration(figures, stem),
    )
    page = "\n".join(line for part in parts for line in part)
    return page if figures.effects is None else f"{page}\n{effects_section(figures.effects)}"


def summary_lines(figures: ExperimentFigures) -> Iterator[str]:
    """The result in a few lines, for a terminal."""
    for one in figures.one_step[0].dimensions:
        if one.dimension == DIMENSIONS[0].name:
            yield f"{LABELS[one.dimension]}: {bare(one.errors.get(MODEL))}"
        else:
            yield (
                f"{LABELS[one.dimension]}: mean error one step ahead {bare(one.errors.get(MODEL))}, "
                f"{bare(one.ratios.get(MODEL))} of the floor"
            )


def plot_names(stem: str) -> tuple[str, str]:
    """Files of the plots: drift, and where the truth is among the draws."""
    return f"{stem}-drift.svg", f"{stem}-pit.svg"


def model_name(figures: ExperimentFigures) -> str:
    """What the model is called, without the folder of its checkpoint."""
    return figures.checked.model.name.partition(":")[0]


def who(figures: ExperimentFigures) -> dict[str, str]:
    """What predictors are called, in the order in which they are shown."""
    checked = figures.checked
    names = {
        MODEL: model_name(figures),
        NO_CHANGE: "no change",
        BESIDE: checked.beside.name,
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
        f"Model {model.version}, learned from {checked.learned_from}; beside it {checked.beside.name} "
        f"{checked.beside.version}. Every figure: `{stem}.json`."
    )
    yield ""
    yield (
        "The state has six dimensions: the active slice, and its latency, jitter, loss, throughput, and "
        f"the load of its edge node. Errors are absolute differences from what {reference.name} recorded, "
        f"of the slice the share that is right; with their {CONFIDENCE:.0%} intervals from {RESAMPLES} "
        f"bootstrap samples of whole topology seeds. {figures.compared} of {figures.steps} steps count; in "
        "the others something else had been changed in the replicate."
    )
    yield ""
    names = who(figures)
    yield from (
        f"- {names[MODEL]}: the model's medians. In {figures.resting} of the steps it was not asked, "
        "because the network was at rest.",
        f"- {names[NO_CHANGE]}: the state stays as it was.",
        f"- {names[BESIDE]}: the same network, seed and calls on {names[BESIDE]}, which draws the same "
        "traffic and fading. It runs freely from the start, as it cannot be started in the middle.",
        f"- {names[FLOOR]}: the same network and calls on {reference.name} with other traffic and fading, "
        "the floor that chance sets. The middle of what may happen is nearer to a random outcome than "
        "another random outcome is: of a normal distribution 0.71 times as far. So a ratio below 1 is no "
        "wonder.",
    )
    yield ""


def _one_step(figures: ExperimentFigures) -> Iterator[str]:
    yield "## One step ahead"
    yield ""
    yield (
        "Before every step the model is given the recorded history, and predicts the interval that the "
        "call takes. Each cell: mean error, its interval, and the median error in brackets; a few outages "
        "make most of a mean. Ratios are those of mean errors to that of the replicate. With every tool "
        "equally often, a step counts with one over the probability of its tool in the traces, in which "
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
    names = who(figures)
    head = ("", *names.values(), f"{names[MODEL]} / replicate", f"{names[BESIDE]} / replicate")
    yield from table(
        head,
        (
            (
                LABELS[one.dimension],
                *(_cell(one, name) for name in names),
                bare(one.ratios.get(MODEL)),
                bare(one.ratios.get(BESIDE)),
            )
            for one in steps.dimensions
        ),
    )


def _cell(one: DimensionErrors, name: str) -> str:
    found = bare(one.errors.get(name))
    return found if one.dimension == DIMENSIONS[0].name else f"{found} [{number(one.medians.get(name))}]"


def _drift(figures: ExperimentFigures, stem: str) -> Iterator[str]:
    names = who(figures)
    yield "## Drift"
    yield ""
    yield (
        "In open loop the model is given the recorded beginning and then only the recorded calls: it goes "
        "on from what it has predicted itself. No change is the beginning kept. "
        f"{figures.differing} of {figures.open_loop_calls} calls were carried out where they had been "
        f"refused on {figures.checked.reference.name}, or the other way round. Mean errors:"
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
    yield "## What is drawn"
    yield ""
    yield (
        f"`{model}-sampled` draws from what the model holds possible: {found.draws} times at "
        f"{found.transitions} transitions drawn from the steps above, with the recorded history. Inside: "
        "share of what happened between the quantiles of the draws, ends included, so ties are inside; of "
        f"{found.draws} draws of a model that is right, {expected} would be. CRPS is the continuous ranked "
        "probability score, without the bias of few draws; of a model that draws nothing but its median "
        f"it is the absolute error, which is beside it. At {found.resting} of the transitions the network "
        "was at rest, and all draws are the state before."
    )
    yield ""
    shares = [f"{100 * share:.0f}" for share in CENTRAL]
    head = ("", *(f"inside central {share} %" for share in shares), "CRPS", "error of the draws' median")
    yield from table((*head, f"error of {model}"), (_calibrated(one) for one in found.dimensions))
    yield (
        f"![Where the truth is among the draws]({plot_names(stem)[1]})\n\n"
        "Where what happened is among the draws, among draws that equal it by lot: level if both come "
        "from one distribution; high at the ends if the draws spread too little, in the middle if too much."
    )
    yield ""


def _calibrated(one: DimensionCalibration) -> list[str]:
    inside = [f"{bare(one.inside[f'{100 * share:.0f}'])}" for share in CENTRAL]
    label = next(dimension.label for dimension in MEASURED if dimension.name == one.dimension)
    return [label, *inside, bare(one.crps), bare(one.median_error), bare(one.model_error)]
