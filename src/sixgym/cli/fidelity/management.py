"""`sixgym fidelity management`: two simulators on the management scenarios, without control."""

from functools import partial

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
from sixgym.evaluate.fidelity.management.figures import management_figures
from sixgym.evaluate.fidelity.management.report import management_page
from sixgym.evaluate.fidelity.management.runs import UncontrolledRun, management_experiment, run_uncontrolled


def management(
    *,
    candidate: Candidate = DEFAULT_NETWORK,
    reference: Reference = "ns3",
    split: SplitName = "held-out",
    seeds: Seeds = None,
    seconds: Seconds = SECONDS["management"],
    processes: Processes = 2,
    refresh: Refresh = False,
    out: OutFolder = OUT,
    as_json: AsJson = False,
) -> None:
    """Compare two simulators on the management scenarios and their faults, without control.

    Compared are delay, loss, throughput, compute tasks, load and SINR. Writes DIR/fidelity-management.md.
    Stored runs are used as in `sixgym fidelity slicing`.

    - `sixgym fidelity management --seeds 51-53 --out comparison`
    """
    comparison = Comparison(
        experiment="management",
        candidate=candidate,
        reference=reference,
        split=split,
        seeds=seeds,
        seconds=seconds,
    )
    experiment = management_experiment(comparison.topology_seeds, seconds)
    make = partial(run_uncontrolled, experiment)
    runs = StoredRuns(comparison, UncontrolledRun, make, experiment.keys, out, processes)
    figures = management_figures(experiment, runs.collected(refresh=refresh), comparison.command)
    stem = comparison.page_stem
    path = out / f"{stem}.md"
    with writing_to(out):
        write_page(path, management_page(figures, stem), figures)
    announce(path, figures, as_json=as_json)
