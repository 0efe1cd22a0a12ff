"""The figures of a run, as a record and as a Markdown page."""

from sixgym.domain.base import Record
from sixgym.evaluate.bench.store import RunFolder, RunManifest
from sixgym.scoring.metrics import RunSummary, by_domain, by_tier, counted, summarise
from sixgym.scoring.result import GRADER, Result
from sixgym.tasks.record import DOMAINS, TIERS


class ReportCell(Record):
    """A tier in a domain: the number of episodes, and of episodes that met their goal."""

    n: int
    met: int


class BenchReport(Record):
    """The figures of a run, which `sixgym bench --json` prints.

    Attributes:
        run: Folder of the run; empty if the run was not kept.
        agent, network, network_version, trials, command: As in the manifest.
        task_set: Name and version of the task set.
        task_set_sha256: Checksum of the task set.
        grader: Version of the grading rules.
        exclude_infrastructure: Whether infrastructure failures are left out instead of counted as failed.
        overall, tiers, domains: Figures of all episodes, by tier, and by domain.
        cells: Figures by tier, then by domain.
        failures: Reasons of infrastructure failures by task and trial.
    """

    run: str
    agent: str
    network: str
    network_version: str
    trials: int
    command: str
    task_set: str
    task_set_sha256: str
    grader: int
    exclude_infrastructure: bool
    overall: RunSummary
    tiers: dict[str, RunSummary]
    domains: dict[str, RunSummary]
    cells: dict[str, dict[str, ReportCell]]
    failures: dict[str, str]

    @property
    def priced(self) -> bool:
        """Whether the cost of the language model is known."""
        return self.overall.cost_usd is not None


def bench_report(
    folder: RunFolder, manifest: RunManifest, results: list[Result], *, exclude_infrastructure: bool = False
) -> BenchReport:
    """The figures of a run.

    Args:
        folder: Folder of the run.
        manifest: Manifest of the run.
        results: Results of all episodes.
        exclude_infrastructure: Leave infrastructure failures out instead of counting them as failed.

    Raises:
        MetricError: no episode is left to count, or the results are not of one run.
    """
    rows = counted(results, exclude_infrastructure=exclude_infrastructure)
    return BenchReport(
        run=str(folder.path),
        agent=manifest.agent,
        network=manifest.network.name,
        network_version=manifest.network.version,
        trials=manifest.trials,
        command=manifest.command,
        task_set=f"{manifest.task_set} {manifest.task_set_version}",
        task_set_sha256=manifest.task_set_sha256,
        grader=GRADER,
        exclude_infrastructure=exclude_infrastructure,
        overall=summarise(results, exclude_infrastructure=exclude_infrastructure),
        tiers=by_tier(results, TIERS, exclude_infrastructure=exclude_infrastructure),
        domains=by_domain(results, DOMAINS, exclude_infrastructure=exclude_infrastructure),
        cells={tier: _cells([row for row in rows if row.tier == tier]) for tier in TIERS},
        failures={
            f"{row.task} trial {row.trial}": row.infrastructure_failure
            for row in results
            if row.infrastructure_failure is not None
        },
    )


def write_report(folder: RunFolder, report: BenchReport) -> None:
    """Write the figures as JSON and the page."""
    folder.write("report.json", report.model_dump_json(indent=1) + "\n")
    folder.write("report.md", page(report))


def page(report: BenchReport) -> str:
    """The figures as Markdown."""
    header = headings(report.trials, priced=report.priced)
    lines = [
        f"# {report.agent} on {report.network}",
        "",
        f"Task set {report.task_set} (sha256 {report.task_set_sha256[:12]}), {report.overall.tasks} tasks, "
        f"{report.trials} trial{'s' if report.trials > 1 else ''} each, network {report.network} "
        f"{report.network_version}, graded by version {report.grader} of the rules.",
        "",
        f"    {report.command}",
        "",
        "| " + " | ".join(header) + " |",
        "|" + "---|" * len(header),
    ]
    for name, summary in rows(report):
        lines.append("| " + " | ".join(figures(name, summary, report.trials, priced=report.priced)) + " |")
    lines += [
        "",
        notes(report),
        "",
        "| met / n | " + " | ".join(DOMAINS) + " |",
        "|" + "---|" * (len(DOMAINS) + 1),
    ]
    for tier, cells in report.cells.items():
        shown = [f"{cells[d].met} / {cells[d].n}" if d in cells else DASH for d in DOMAINS]
        lines.append(f"| {tier} | " + " | ".join(shown) + " |")
    if report.failures:
        lines += ["", "Broken on our side:", ""]
        lines += [f"- {key}: {reason.splitlines()[0]}" for key, reason in report.failures.items()]
    return "\n".join(lines) + "\n"


DASH = "–"
RATES = ("n", "success %", "SPL %")
"""Columns after the name that rate the agent. The other columns describe its behaviour."""


def notes(report: BenchReport) -> str:
    """A note on the columns of the table."""
    broken = "are left out of all other figures" if report.exclude_infrastructure else "count as failed"
    return (
        "Success and SPL with 95 % intervals clustered by task. Valid: calls that were not refused. Unsafe: "
        "episodes in which a safety constraint was violated. Broken: infrastructure failures, which "
        f"{broken}. Calls, tokens and seconds (agent and network during its calls) are means of an episode."
    )


def headings(trials: int, *, priced: bool = False) -> list[str]:
    """Headings of the table: pass^k for several trials, cost where the price is known."""
    pass_k = [f"pass^{trials} %"] if trials > 1 else []
    last = ["valid %", "unsafe %", "broken", "calls", "tokens", *(["$"] if priced else []), "s"]
    return ["", *RATES, *pass_k, *last]


def rows(report: BenchReport) -> list[tuple[str, RunSummary]]:
    """The rows of the table: overall, then tiers, then domains."""
    return [("overall", report.overall), *report.tiers.items(), *report.domains.items()]


def figures(name: str, summary: RunSummary, trials: int, *, priced: bool = False) -> list[str]:
    """A row of the table under its `headings`."""
    pass_k = [_pass_k(summary, trials)] if trials > 1 else []
    return [
        name,
        str(summary.n),
        f"{100 * summary.success_rate:.1f} {_ends(summary.ci95)}",
        f"{100 * summary.spl:.1f} {_ends(summary.spl_ci95)}",
        *pass_k,
        DASH if summary.validity is None else f"{100 * summary.validity:.1f}",
        f"{100 * summary.unsafe:.1f}",
        str(summary.infrastructure_failures),
        f"{summary.calls:.1f}",
        DASH if summary.tokens_mean is None else f"{summary.tokens_mean:.0f}",
        *(["" if summary.cost_usd_mean is None else f"{summary.cost_usd_mean:.4f}"] if priced else []),
        f"{summary.agent_s_mean + summary.world_s_mean:.2f}",
    ]


def _pass_k(summary: RunSummary, trials: int) -> str:
    """pass^k, or a dash where a trial of some task was left out."""
    if summary.pass_k is None or trials not in summary.pass_k:
        return DASH
    return f"{100 * summary.pass_k[trials]:.1f}"


def _cells(results: list[Result]) -> dict[str, ReportCell]:
    return {
        domain: ReportCell(n=len(of_domain), met=sum(row.success for row in of_domain))
        for domain in DOMAINS
        if (of_domain := [row for row in results if row.domain == domain])
    }


def _ends(ends: tuple[float, float]) -> str:
    return f"[{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]"
