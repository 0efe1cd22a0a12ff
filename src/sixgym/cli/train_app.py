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
    """Train what a recipe says: the agent drl-slicing, or the experiment model.

    DIR gets a checkpoint and a line of progress every so often, and at the end the weights. A training that
    was stopped in any way goes on from its last checkpoint with --resume, and ends with the same weights (on
    one thread) as if it had not been stopped.

    drl-slicing: learns on simulated networks and is then compared with others on training seeds that it has
    not learned from; the last line is the mean return with its 95 % interval. Needs the extra rl.

    experiment-model: learns how a network answers from what `sixgym traces` has recorded; DIR/model is then a
    network, `--network experiment-model:DIR/model`. `base` in the recipe starts from a pretrained checkpoint.
    Needs the extra hf; on a GPU if there is one and `base` is given.

    - `sixgym train recipes/agentgym/drl_slicing.yaml`
    - `sixgym train recipes/agentgym/drl_slicing.yaml --set seed=2 --set ppo.iterations=10 --out runs/two`
    - `sixgym train recipes/agentgym/experiment_model.yaml --set traces=traces/mine --out runs/mine`
    """
    from sixgym.cli.train import TrainRequest
    from sixgym.cli.train import train as run_training

    run_training(TrainRequest(recipe, tuple(changes or ()), resume, out))
