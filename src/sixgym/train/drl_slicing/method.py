"""DRL-Slicing as a method of training."""

from sixgym.train.drl_slicing.recipe import DrlSlicingRecipe
from sixgym.train.method import Method

DRL_SLICING = Method(
    name="drl-slicing",
    summary="the agent drl-slicing learns with PPO on simulated networks, and is then compared with other "
    "agents on held-back training seeds; the last line is the mean return with its 95 % interval.",
    recipe=DrlSlicingRecipe,
    extra="rl",
    trainer="sixgym.train.drl_slicing.run:run",
)
