"""`sixgym fidelity slicing`: two simulators under control schedules on the slicing scenario."""

from functools import partial

from sixgym.cli.errors import wrong_use_on
from sixgym.cli.fidelity.comparison import SECONDS, Comparison
from sixgym.cli.fidelity.options import (
    OUT,
    Candidate,
    OutFolder,
    Processes,
    Reference,
    Refresh,
    Seconds,
    Seeds,
    SplitName,
)
from sixgym.cli.fidelity.pages import announce, write_page, writing_to
from sixgym.cli.fidelity.stored_runs import StoredRuns
from sixgym.cli.options import DEFAULT_NETWORK, AsJson
from sixgym.evaluate.fidelity.record import ControlledRun
from sixgym.evaluate.fidelity.slicing.comparison import RunGrids, run_grid
from sixgym.evaluate.fidelity.slicing.control_schedules import QUOTA_STEP
from sixgym.evaluate.fidelity.slicing.figures import slicing_figures
from sixgym.evaluate.fidelity.slicing.plot import PlotError, plot_delays, plot_responses, require_matplotlib
from sixgym.evaluate.fidelity.slicing.report import slicing_page, summary_lines
from sixgym.evaluate.fidelity.slicing.runs import run_schedules, slicing_experiment


def slicing(
    *,
    candidate: Candidate = DEFAULT_NETWORK,
    reference: Reference = "ns3",
    split: SplitName = "held-out",
    seeds: Seeds = None,
    seconds: Seconds = SECONDS["slicing"],
    processes: Processes = 2,
    refresh: Refresh = False,
    out: OutFolder = OUT,
    as_json: AsJson = False,
) -> None:
    """Compare two simulators under control on the slicing scenario: errors, policies, step response.

    Compared are errors of what the simulators measure, the order of control policies, and the response to a
    step of a PRB quota. Writes DIR/fidelity-slicing.md with its plots and figures. The reference runs only
    where DIR/data holds no valid run of it, and the command says so. Finished runs are kept when the command
    is interrupted. Needs the extra plot.

    - `sixgym fidelity slicing --seeds 51-53 --seconds 5 --out comparison`
    """
    comparison = Comparison(
        experiment="slicing",
        candidate=candidate,
        reference=reference,
        split=split,
        seeds=seeds,
        seconds=seconds,
    )
    experiment = slicing_experiment(comparison.topology_seeds, seconds)
    with wrong_use_on(PlotError):
        require_matplotlib()
    make = partial(run_schedules, experiment)
    runs = StoredRuns(comparison, ControlledRun, make, experiment.keys, out, processes)
    grids = RunGrids(*(run_grid(experiment, found) for found in runs.collected(refresh=refresh)))
    figures = slicing_figures(experiment, grids, comparison.command)
    stem = comparison.page_stem
    path = out / f"{stem}.md"
    with writing_to(out):
        plot_delays(grids, out / f"{stem}.svg")
        plot_responses(grids, QUOTA_STEP, out / f"{stem}-response.svg")
        write_page(path, slicing_page(figures, stem), figures)
    announce(path, figures, summary=summary_lines(figures), as_json=as_json)
