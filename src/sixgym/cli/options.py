"""Options that several commands share, each declared once."""

from typing import Annotated

import typer

DEFAULT_NETWORK = "tti"

Seed = Annotated[
    int,
    typer.Option(
        min=0, max=2**31 - 1, metavar="N", help="Places, traffic, fading and errors. Same seed, same bytes."
    ),
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
