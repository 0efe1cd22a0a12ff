"""The page of the management comparison."""

from collections.abc import Iterator

from sixgym.evaluate.fidelity.management.figures import FIGURES, ManagementFigures, ObjectErrors
from sixgym.evaluate.markdown import bare, number, table
from sixgym.evaluate.statistics import CONFIDENCE


def management_page(figures: ManagementFigures, stem: str) -> str:
    """The page in Markdown. Its figures have the same stem."""
    scenarios = dict.fromkeys(one.scenario for one in figures.differences)
    parts = (_heading(figures, stem), *(_scenario(figures, name) for name in scenarios))
    return "\n".join(line for part in parts for line in part)


def _heading(figures: ManagementFigures, stem: str) -> Iterator[str]:
    candidate, reference, seeds = figures.candidate, figures.reference, figures.topology_seeds
    yield f"# How far {candidate.label(reference)} is from {reference.network}: management scenarios"
    yield ""
    yield (
        f"Made by `{figures.command}`: topology seeds {seeds[0]} to {seeds[-1]} ({len(seeds)}), "
        f"{figures.seconds:g} s after the warm-up, without control. Candidate {candidate.network} "
        f"{candidate.version}, reference {reference.network} {reference.version}. Every figure: "
        f"`{stem}.json`."
    )
    yield ""
    yield (
        "An interval is calm if no fault is active, and faulty if a fault is active. Each cell has the means "
        "over seeds, reference → candidate, and below them the mean absolute error of paired runs with its "
        f"{CONFIDENCE:.0%} interval; in brackets, the error of the reference against itself with another "
        "network seed. Errors of delay, throughput and task time are in percent, errors of loss and PRB load "
        "in points, errors of SINR in dB. These figures have no goal."
    )
    yield ""


def _scenario(figures: ManagementFigures, scenario: str) -> Iterator[str]:
    found = [one for one in figures.differences if one.scenario == scenario]
    by_place = {(one.phase, one.object, one.figure): one for one in found}
    rows = dict.fromkeys((one.phase, one.object) for one in found)
    yield f"## {scenario}"
    yield ""
    yield from table(
        ("", "", *FIGURES),
        (
            (phase, thing, *(_cell(by_place.get((phase, thing, figure))) for figure in FIGURES))
            for phase, thing in rows
        ),
    )


def _cell(one: ObjectErrors | None) -> str:
    if one is None:
        return ""
    floor = "–" if one.floor is None else f"{one.floor.value:.3g}"
    return f"{number(one.reference)} → {number(one.candidate)}<br>{bare(one.error)} [{floor}]"
