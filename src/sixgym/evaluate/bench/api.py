"""The benchmark as a Python function, without output on the terminal."""

from pathlib import Path
from tempfile import TemporaryDirectory

from sixgym.agents.base import Agent
from sixgym.agents.imported import agent_from
from sixgym.agents.llm.react import ReactAgent
from sixgym.evaluate.bench.report import BenchReport, bench_report, write_report
from sixgym.evaluate.bench.run import SilentView, complete, new_manifest, open_run
from sixgym.evaluate.bench.store import RunFolder, RunManifest
from sixgym.evaluate.bench.tested import AgentFactory, TestedAgent, factory_agent, named_agent
from sixgym.run.build import make_network
from sixgym.tasks.frozen import task_set
from sixgym.tasks.selection import Selection, select


def bench(
    agent: str | AgentFactory,
    *,
    network: str = "tti",
    tier: str | None = None,
    domain: str | None = None,
    limit: int | None = None,
    trials: int = 1,
    workers: int = 1,
    tasks: Path | None = None,
    react: ReactAgent | None = None,
    out: Path | None = None,
    resume: bool = False,
) -> BenchReport:
    """Test an agent on the tasks of 6GAgentBench, as `sixgym bench` does::

        report = bench("mape-k", limit=30)
        report = bench(MyAgent, limit=30, out=Path("runs/mine"))

    Args:
        agent: A name as for `sixgym bench --agent`, or a class or function that returns an agent. Such a
            factory is called for every episode, with a seed if it has a parameter for one.
        network: Name of the network.
        tier, domain, limit: Selection of the tasks, as in `sixgym bench`; all tasks by default.
        trials: Trials of every task.
        workers: Episodes at the same time. A named agent works in that many processes, an agent of this
            process or with a language model in that many threads. Results do not depend on it.
        tasks: Manifest of another task set than the frozen set.
        react: The language model of the agents `react` and `reflexion`. It is not closed.
        out: Folder of the run, with every episode, the results and the report; None keeps only the report.
        resume: Whether to continue the run in `out`. Two versions of one factory are not told apart.

    Returns:
        The figures of the run, the same as of `sixgym bench --json`. Without `out` the field `run` is empty.

    Raises:
        ValueError: there is no such agent, network, task set, tier or domain, or `out` holds another run.
        SimulatorError: the network does not start.
        WorkError: the work cannot go on. Finished episodes are in `out`.
    """
    selection = Selection(tier=tier, domain=domain, limit=limit)
    known = task_set(tasks)
    first = select(known.tasks, selection)[0]
    tested = _tested(agent, react)
    tested.make(first, 0)  # an agent that cannot be made fails here, before the first episode
    backend = make_network(network)
    manifest = new_manifest(
        tested,
        backend.info,
        known,
        selection,
        trials=trials,
        command=f"sixgym.bench({tested.label!r}, network={network!r}, tier={tier!r}, domain={domain!r}, "
        f"limit={limit!r}, trials={trials!r})",
    )
    backend.close()
    if out is not None:
        return _report(RunFolder(out), manifest, tested, tasks=tasks, workers=workers, resume=resume)
    with TemporaryDirectory(prefix="sixgym-bench-") as scratch:
        report = _report(RunFolder(Path(scratch)), manifest, tested, tasks=tasks, workers=workers)
    return report.model_copy(update={"run": ""})


def _report(
    folder: RunFolder,
    manifest: RunManifest,
    agent: TestedAgent,
    *,
    tasks: Path | None,
    workers: int,
    resume: bool = False,
) -> BenchReport:
    with folder.locked():
        manifest = open_run(folder, manifest, resume=resume)
        results = complete(folder, manifest, agent, tasks=tasks, workers=workers, view=SilentView())
        report = bench_report(folder, manifest, results)
        write_report(folder, report)
        return report


def _tested(agent: str | AgentFactory, react: ReactAgent | None) -> TestedAgent:
    if isinstance(agent, str):
        return named_agent(agent, react=react)
    if react is not None:
        raise ValueError("an agent of one's own asks its own language model: leave out react")
    made: Agent = agent_from(agent, 0, repr(agent))
    return factory_agent(agent, made.name)
