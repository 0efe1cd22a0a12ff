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
        "ns3: packet-level truth, slower by far; needs the ns3 extra. "
        "experiment-model: a language model that has learned from ns-3; needs the hf extra; "
        "experiment-model:DIR is one of your own, experiment-model-sampled draws.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]

_MODEL = "Language model"
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|DIR",
        help="For `--agent react` or `reflexion`: what the server calls it, or a folder with a checkpoint.",
        rich_help_panel=_MODEL,
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        help="An OpenAI-compatible server, such as http://localhost:8000/v1; key from OPENAI_API_KEY  "
        "(OPENAI_BASE_URL, else OpenAI).",
        rich_help_panel=_MODEL,
    ),
]
Style = Annotated[
    str | None,
    typer.Option(
        metavar="native|text",
        help="How it calls tools: by the server's tool calls, or by tags in text  (native; a folder: text).",
        rich_help_panel=_MODEL,
    ),
]
Temperature = Annotated[
    float, typer.Option(min=0, max=2, metavar="T", help="0 is greedy.", rich_help_panel=_MODEL)
]
MaxTokens = Annotated[
    int, typer.Option(min=1, metavar="N", help="Longest reply, in tokens.", rich_help_panel=_MODEL)
]
BudgetTokens = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="Stop before another request once this command has spent so many.",
        rich_help_panel=_MODEL,
    ),
]
BudgetUsd = Annotated[
    float | None,
    typer.Option(min=0, metavar="USD", help="The same in money; needs a price.", rich_help_panel=_MODEL),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout", min=1, metavar="S", help="For a request and its whole reply.", rich_help_panel=_MODEL
    ),
]
Prices = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Your prices, YAML: MODEL: {prompt_usd_per_million: 1, completion_usd_per_million: 2}.",
        rich_help_panel=_MODEL,
    ),
]

FIDELITY_SECONDS = {"slicing": 10.0, "management": 15.0}
"""Network time of a run of `sixgym fidelity` by experiment; pages made with another say so in their name."""
