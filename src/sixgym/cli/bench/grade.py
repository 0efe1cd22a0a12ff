"""`sixgym bench grade`: the stored episodes of a run, graded again."""

import typer

from sixgym.cli.bench.view import print_report, write_figures
from sixgym.cli.errors import WORK_FAILED, CommandError, wrong_use_on
from sixgym.cli.options import AsJson, ExcludeInfrastructure, RunArgument, TaskFile
from sixgym.cli.task import load_tasks
from sixgym.episodes.jsonl import RecordFileError
from sixgym.evaluate.bench.run import LostEpisodesError, graded_episodes, write_results
from sixgym.evaluate.bench.store import Key, RunFolder, RunFolderError
from sixgym.tasks.frozen import tasks_by_id


def grade(
    run: RunArgument,
    *,
    as_json: AsJson = False,
    tasks: TaskFile = None,
    exclude_infrastructure: ExcludeInfrastructure = False,
) -> None:
    """Grade the stored episodes of a run again, and report the verdicts that changed.

    The results and the report of the run are written again.

    - `sixgym bench grade runs/bench-mape-k-tti`
    """
    folder = RunFolder(run)
    with wrong_use_on(RunFolderError, RecordFileError):
        manifest = folder.manifest()
        found = load_tasks(tasks)
        if found.sha256 != manifest.task_set_sha256:
            raise RunFolderError(
                f"{run} was run on task set {manifest.task_set_sha256[:12]}, not on {found.sha256[:12]}; "
                "--tasks FILE names another"
            )
        with folder.locked():
            graded = graded_episodes(folder, manifest, tasks_by_id(tasks))
            before = _stored_verdicts(folder)
            try:
                results = write_results(folder, manifest, graded)
            except LostEpisodesError as error:
                raise CommandError(str(error), WORK_FAILED) from None
            changed = [row for row in results if before.get(row.key, row.success) != row.success]
            report = write_figures(folder, manifest, results, exclude_infrastructure=exclude_infrastructure)
    print_report(report, as_json=as_json)
    typer.echo(f"{len(results)} episodes graded again, {len(changed)} verdicts changed", err=True)
    for row in changed:
        typer.echo(f"{row.task} trial {row.trial}: {'met' if row.success else 'not met'} now", err=True)


def _stored_verdicts(folder: RunFolder) -> dict[Key, bool]:
    """The verdicts of the stored rows; none if another version of the grader wrote the rows."""
    try:
        return {row.key: row.success for row in folder.results()}
    except RunFolderError:
        return {}
