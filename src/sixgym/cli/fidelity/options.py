"""Options that several commands of `sixgym fidelity` share."""

from pathlib import Path
from typing import Annotated

import typer

OUT = Path("results")

Candidate = Annotated[str, typer.Option(metavar="NAME", help="The network in question.")]
Reference = Annotated[str, typer.Option(metavar="NAME", help="The network that counts as the truth.")]
SplitName = Annotated[
    str,
    typer.Option(metavar="NAME", help="Split of the topology seeds, without --seeds: held-out or training."),
]
Seeds = Annotated[str | None, typer.Option(metavar="A-B", help="Topology seeds, such as 51-60,70.")]
Seconds = Annotated[
    float, typer.Option(metavar="S", help="Network time of every run after the warm-up, in seconds.")
]
Processes = Annotated[int, typer.Option(min=1, max=256, metavar="N", help="Networks at the same time.")]
Refresh = Annotated[
    bool, typer.Option("--refresh", help="Run the reference again, even if its runs are stored.")
]
OutFolder = Annotated[
    Path, typer.Option(metavar="DIR", help="Folder for the page; stored runs are in DIR/data.")
]
