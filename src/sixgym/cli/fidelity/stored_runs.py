"""The runs of a comparison of simulators: stored runs where they are valid, new runs where they are not."""

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.fidelity.comparison import Comparison
from sixgym.cli.network import choose_simulator, network_info
from sixgym.episodes.jsonl import RecordFileError
from sixgym.evaluate.fidelity.collect import collect
from sixgym.evaluate.fidelity.record import RunKey
from sixgym.evaluate.fidelity.store import RunStore, RunT
from sixgym.run.executor import WorkError
from sixgym.simulators.base import SimulatorError


@dataclass(frozen=True, slots=True)
class StoredRuns(Generic[RunT]):
    """The runs of an experiment, in the folder `data` of `--out`.

    Attributes:
        comparison: The experiment and its simulators.
        kind: Class of the runs.
        make: Makes the runs of some keys.
        keys: The keys of all runs on a simulator, for replica 0 or 1, which differ in their network seeds.
        out: Folder of the page.
        processes: Simulators at the same time.
    """

    comparison: Comparison
    kind: type[RunT]
    make: Callable[[Sequence[RunKey]], list[RunT]]
    keys: Callable[[str, int], tuple[RunKey, ...]]
    out: Path
    processes: int

    def collected(self, *, refresh: bool) -> tuple[list[RunT], list[RunT], list[RunT]]:
        """Runs of the candidate, of the reference, and of the reference with another network seed.

        Where the candidate is the reference itself, the candidate's runs have the other network seed: with
        the same seed they would be equal.

        Args:
            refresh: Run the reference again, even if its runs are stored.

        Raises:
            CommandError: a simulator failed; finished runs are kept.
        """
        candidate, reference = self.comparison.candidate, self.comparison.reference
        choose_simulator(candidate).close()  # a wrong name has to fail before the reference runs
        keys, repeated_keys = self.keys(reference, 0), self.keys(reference, 1)
        found = self._runs(reference, (*keys, *repeated_keys), refresh=refresh)
        runs, repeated = [found[key] for key in keys], [found[key] for key in repeated_keys]
        if candidate == reference:
            return repeated, runs, repeated
        keys = self.keys(candidate, 0)
        found = self._runs(candidate, keys, refresh=False)
        return [found[key] for key in keys], runs, repeated

    def path(self, network: str) -> Path:
        """File of the stored runs of a simulator."""
        return self.out / "data" / f"fidelity-{self.comparison.experiment}-{network}.jsonl.gz"

    def _runs(self, network: str, keys: Sequence[RunKey], *, refresh: bool) -> dict[RunKey, RunT]:
        with wrong_use_on(RecordFileError):
            store = RunStore(self.path(network), self.kind, network_info(network).version)
        usable = {} if refresh else store.usable(keys)
        missing = [key for key in keys if key not in usable]
        typer.echo(_plan(store, network, len(usable), len(missing), refresh=refresh), err=True)
        if missing:
            try:
                with _progress(network, len(missing)) as progress:
                    collect(self.make, missing, store, processes=self.processes, progress=progress)
                store.pack()
            except (SimulatorError, WorkError) as error:
                raise CommandError(
                    f"{error}\nfinished runs are kept in {store.growing}", WORK_FAILED
                ) from None
            except OSError as error:
                raise CommandError(f"{store.path}: cannot be written: {error.strerror}", WRONG_USE) from None
        runs = store.usable(keys)
        if len(runs) < len(keys):
            raise CommandError(
                f"the version of {network} changed while this command ran: run the command again", WORK_FAILED
            )
        return runs


def _plan(store: RunStore[RunT], network: str, usable: int, missing: int, *, refresh: bool) -> str:
    """Where the runs of a simulator come from."""
    if not missing:
        return f"{network}: all {usable} runs are stored in {store.path}"
    if refresh:
        return f"{network}: {missing} runs again, as asked"
    if store.rejected and not usable:
        reasons = "; ".join(store.rejected)
        return f"{network}: the runs in {store.path} were {reasons}: {missing} runs again"
    return f"{network}: {usable} runs are stored in {store.path}, {missing} are missing and run now"


@contextmanager
def _progress(network: str, runs: int) -> Generator[Callable[[int], None]]:
    """Show progress on standard error. Yields a function that takes the number of new finished runs."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda done: typer.echo(f"{network}: {done} more of {runs} runs", err=True)
        return
    with Progress(
        "{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console
    ) as progress:
        task = progress.add_task(network, total=runs)
        yield lambda done: progress.advance(task, done)
