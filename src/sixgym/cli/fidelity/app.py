"""The commands of `sixgym fidelity`."""

import typer

from sixgym.cli.lazy import Entry, lazy_group

COMMANDS = {
    "slicing": Entry(
        "sixgym.cli.fidelity.slicing:slicing",
        "Compare two simulators under control on the slicing scenario: errors, policies, step response.",
    ),
    "management": Entry(
        "sixgym.cli.fidelity.management:management",
        "Compare two simulators on the management scenarios and their faults, without control.",
    ),
    "transfer": Entry(
        "sixgym.cli.fidelity.transfer:transfer",
        "Compare the success of agents on two networks: gap, correlation, agreement.",
    ),
    "experiment-model": Entry(
        "sixgym.cli.fidelity.experiment_model:experiment_model",
        "Measure the experiment model on held-out traces: one step ahead, drift, spread, effects.",
    ),
}

fidelity = typer.Typer(
    name="fidelity",
    cls=lazy_group(COMMANDS),
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="Measure how far one network is from another on the same tasks.",
)
