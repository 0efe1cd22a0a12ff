"""The commands of `sixgym bench`. Without a subcommand, `sixgym bench` runs the benchmark."""

import typer

from sixgym.cli.bench.run import run
from sixgym.cli.lazy import Entry, lazy_group

COMMANDS = {
    "grade": Entry(
        "sixgym.cli.bench.grade:grade",
        "Grade the stored episodes of a run again, and report the verdicts that changed.",
    ),
    "compare": Entry(
        "sixgym.cli.bench.compare:compare",
        "Compare two runs over the tasks that both have: differences in success and SPL, paired by task.",
    ),
    "tasks": Entry("sixgym.cli.bench.tasks:tasks", "List the tasks, or show one task in full."),
    "make": Entry(
        "sixgym.cli.bench.make:make",
        "Draw candidate tasks, drop those that prove nothing, and freeze the rest with a checksum.",
    ),
    "holdout": Entry(
        "sixgym.cli.bench.holdout:holdout",
        "Report whether the tasks are held out from training texts: seeds, likeness of wording, "
        "separability.",
    ),
}


bench = typer.Typer(name="bench", cls=lazy_group(COMMANDS), rich_markup_mode="markdown", add_completion=False)
bench.callback(invoke_without_command=True)(run)
