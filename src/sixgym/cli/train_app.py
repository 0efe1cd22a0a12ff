"""`sixgym train`: its options and help."""

from pathlib import Path
from typing import Annotated

import typer

from sixgym.cli.errors import reporting


@reporting()
def train(
    recipe: Annotated[Path, typer.Argument(metavar="RECIPE", help="A recipe, such as those in recipes/.")],
    *,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set a key of the recipe otherwise; repeatable."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the training in DIR.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="For checkpoint and weights  (runs/RECIPE).")
    ] = None,
) -> None:
    """Train an agent as a recipe says, and compare it on training seeds that it has not learned from.

    DIR gets the drawn tasks, a checkpoint and a line of progress after every iteration, and at the end
    the weights. The same recipe gives the same weights, interrupted and resumed or not. The last line is
    the mean return with its 95 % interval. Needs the extra rl.

    - `sixgym train recipes/agentgym/drl_slicing.yaml`
    - `sixgym train recipes/agentgym/drl_slicing.yaml --set seed=2 --set ppo.iterations=10 --out runs/two`
    """
    from sixgym.cli.train import TrainRequest
    from sixgym.cli.train import train as run_training

    run_training(TrainRequest(recipe, tuple(changes or ()), resume, out))
