"""Options that several commands share, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_NETWORK = "tti"
REFERENCE = "reference"
"""Who plays the solution that comes with a task of the benchmark; without such a task there is nobody."""
DEFAULT_SEED, LARGEST_SEED = 1, 2**31 - 1
SEED_HELP = "Places, traffic, fading and errors. Same seed, same bytes."

Seed = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, metavar="N", help=SEED_HELP)]
SeedIfAny = Annotated[
    int | None,
    typer.Option(min=0, max=LARGEST_SEED, metavar="N", help=f"{SEED_HELP}  ({DEFAULT_SEED})."),
]
TaskFile = Annotated[
    Path | None,
    typer.Option("--tasks", metavar="FILE", help="The manifest of another task set than the shipped one."),
]
Network = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="tti: our compiled simulator, hundreds of times faster than real time. "
        "ns3: packet-level truth, slower by far; needs the ns3 extra.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]

FIDELITY_SECONDS = {"slicing": 10.0, "management": 15.0}
"""Network time of a run of `sixgym fidelity` by experiment; pages made with another say so in their name."""
