"""`sixgym bench holdout`: whether a task set is held out from training texts."""

import json
from pathlib import Path
from typing import Annotated

import typer

from sixgym.cli.errors import wrong_use_on
from sixgym.cli.options import AsJson, TaskFile
from sixgym.cli.task import load_tasks
from sixgym.evaluate.holdout.report import (
    HoldoutError,
    benchmark_texts,
    check_holdout,
    read_texts,
    to_markdown,
)


def holdout(
    *,
    against: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Training texts, .jsonl with `text` or `intent` and `seed`, or .txt."
        ),
    ],
    as_json: AsJson = False,
    tasks: TaskFile = None,
) -> None:
    """Report whether the tasks are held out from training texts: seeds, likeness of wording, separability.

    Needs the extra holdout.

    - `sixgym bench holdout --against corpus.jsonl`
    """
    with wrong_use_on(HoldoutError):
        training = read_texts(against)
        report = check_holdout(benchmark_texts(load_tasks(tasks).tasks), training)
    typer.echo(to_markdown(report), err=as_json, nl=False)
    if as_json:
        typer.echo(json.dumps({"held_out": report.held_out, **report.model_dump(mode="json")}))
