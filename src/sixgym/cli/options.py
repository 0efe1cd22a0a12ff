"""Options that several commands share, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_NETWORK = "tti"
DEFAULT_SEED, LARGEST_SEED = 1, 2**31 - 1

SEED_HELP = "Seed of places, traffic, fading and errors. The same seed gives the same bytes."

Seed = Annotated[int, typer.Option(min=0, max=LARGEST_SEED, metavar="N", help=SEED_HELP)]
SeedIfAny = Annotated[
    int | None,
    typer.Option(min=0, max=LARGEST_SEED, metavar="N", help=f"{SEED_HELP}  ({DEFAULT_SEED})."),
]
Network = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="tti: the compiled simulator, hundreds of times faster than real time. "
        "ns3: packet level, the reference, far slower; needs the ns3 extra. "
        "experiment-model: a language model trained on ns-3; needs the hf extra; "
        "experiment-model:DIR is a checkpoint of your own, experiment-model-sampled draws its answers.",
    ),
]
OutRuns = Annotated[Path, typer.Option(metavar="DIR", help="Folder for the episodes.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON on standard output, all else on standard error.")
]

# ---------------------------------------------------------------------- tasks
Scenario = Annotated[
    str | None,
    typer.Option(metavar="FILE|NAME", help="A shipped scenario or a YAML file  (uav-inspection)."),
]
Intent = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help="Other words for the intent; the goal of the task stays the same."),
]
TaskId = Annotated[
    str | None,
    typer.Option(
        "--task",
        metavar="ID",
        help="A task of the scenario, SCENARIO/TASK, or a task of 6GAgentBench  "
        "(the first task of the scenario).",
    ),
]
TaskFile = Annotated[
    Path | None,
    typer.Option("--tasks", metavar="FILE", help="Manifest of another task set than the shipped one."),
]
TierName = Annotated[str | None, typer.Option("--tier", metavar="L1|L2|L3", help="Tasks of this tier only.")]
DomainName = Annotated[
    str | None,
    typer.Option("--domain", metavar="NAME", help="Tasks of this domain only, such as uav-control."),
]
Limit = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Number of tasks, balanced over tiers and domains; always the same tasks."
    ),
]

# ---------------------------------------------------------------------- runs of the benchmark
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
ExcludeInfrastructure = Annotated[
    bool,
    typer.Option(
        "--exclude-infrastructure",
        help="Leave out of the figures the episodes that broke on our side; otherwise they count as failed.",
    ),
]

# ---------------------------------------------------------------------- language model
_MODEL = "Language model"
ModelName = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME|DIR",
        help="For `--agent react` or `reflexion`: the model's name at the server, or a folder with a "
        "checkpoint.",
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
        help="How the model calls tools: through the server's tool calls, or through tags in its text  "
        "(native; for a folder: text).",
        rich_help_panel=_MODEL,
    ),
]
Temperature = Annotated[
    float,
    typer.Option(
        min=0, max=2, metavar="T", help="Sampling temperature; 0 is greedy.", rich_help_panel=_MODEL
    ),
]
MaxTokens = Annotated[
    int, typer.Option(min=1, metavar="N", help="Longest reply, in tokens.", rich_help_panel=_MODEL)
]
BudgetTokens = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="N",
        help="The command stops before its next request once it has spent this many tokens.",
        rich_help_panel=_MODEL,
    ),
]
BudgetUsd = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="USD", help="The same limit in US dollars; needs a price.", rich_help_panel=_MODEL
    ),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        min=1,
        metavar="S",
        help="Longest time for a request and its whole reply, in seconds.",
        rich_help_panel=_MODEL,
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
