"""The recipe of the DRL-Slicing agent."""

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from sixgym.domain.base import NonNegative, Positive, Record
from sixgym.domain.splits import TRAINING_SEEDS
from sixgym.tasks.record import Domain, Tier
from sixgym.train.recipe import Count, HeldBack, Recipe

Discount = Annotated[float, Field(gt=0, le=1)]


class Ppo(Record):
    """Hyper-parameters of proximal policy optimisation (Schulman et al., 2017), on one network."""

    iterations: Count = Field(description="each iteration collects steps, then learns from them")
    steps: Count = Field(description="decisions in an iteration")
    minibatch: Annotated[int, Field(ge=2)] = Field(description="decisions in a gradient step; divides steps")
    epochs: Count = Field(description="passes over an iteration's decisions")
    learning_rate: Positive
    discount: Discount = Field(description="gamma, per decision")
    gae_lambda: Discount
    clip_range: Positive
    entropy_weight: NonNegative
    value_weight: NonNegative
    max_gradient_norm: Positive
    hidden: tuple[Count, Count] = Field(description="units of the layers of actor and critic")
    log_std: Annotated[float, Field(ge=-5, le=2)] = Field(
        description="initial log standard deviation of the levels"
    )

    @model_validator(mode="after")
    def _whole_minibatches(self) -> Self:
        if self.steps % self.minibatch:
            raise ValueError(f"minibatch {self.minibatch} does not divide steps {self.steps}")
        return self


class DrlSlicingRecipe(Recipe):
    """The training of the agent `drl-slicing`.

    The seed decides weights, exploration and the choice of tasks.

    Attributes:
        network: Name of the simulator.
        domains, tiers: Domains and tiers of the tasks to learn from, drawn with equal probability.
        held_back: Topology seeds of the training split that are kept for checks and not learned from.
        tasks: Number of tasks to draw, held-back seeds included. The trained agent and three others are
            compared on all tasks of held-back seeds.
        ppo: Hyper-parameters.
    """

    network: str
    domains: Annotated[tuple[Domain, ...], Field(min_length=1)]
    tiers: Annotated[tuple[Tier, ...], Field(min_length=1)]
    held_back: HeldBack
    tasks: Count
    ppo: Ppo

    @field_validator("held_back")
    @classmethod
    def _some_left(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) == len(TRAINING_SEEDS):
            raise ValueError(
                "all training seeds are held back, so none is left to learn from; hold back fewer"
            )
        return seeds

    @property
    def learning_seeds(self) -> tuple[int, ...]:
        """The topology seeds to learn from."""
        return tuple(seed for seed in TRAINING_SEEDS if seed not in self.held_back)
