"""The recipe of the experiment model."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from sixgym.domain.base import Positive, Record
from sixgym.train.recipe import Count, HeldBack, Recipe

Portion = Annotated[float, Field(ge=0, le=10)]


class Portions(Record):
    """How often an epoch holds each question of a kind, on average."""

    flow: Portion = Field(description="ground groups and UAVs")
    tasks: Portion = Field(description="compute tasks of a group")
    node: Portion = Field(description="compute nodes")
    slice: Portion = Field(description="PRBs and queue of a slice")
    cell: Portion = Field(description="PRB load of a cell")
    changed: Portion = Field(description="all these kinds, where a call or a fault changed the conditions")
    explanation: Portion = Field(description="reasons in words, and the state that follows")

    @model_validator(mode="after")
    def _some_portion(self) -> Self:
        if not any(self.model_dump().values()):
            raise ValueError("all portions are 0, which leaves nothing to learn")
        return self


class ModelSize(Record):
    """A decoder of the Llama family, trained from scratch."""

    hidden: Annotated[int, Field(ge=8, le=8_192)]
    layers: Annotated[int, Field(ge=1, le=100)]
    heads: Annotated[int, Field(ge=1, le=128)]
    feed_forward: Annotated[int, Field(ge=8, le=65_536)]

    @model_validator(mode="after")
    def _whole_heads(self) -> Self:
        if self.hidden % (2 * self.heads):
            raise ValueError(f"hidden {self.hidden} is no multiple of twice the {self.heads} heads")
        return self


class Optimizer(Record):
    """AdamW with a warm-up and a cosine down to 3 % of the learning rate."""

    steps: Count
    batch_tokens: Annotated[int, Field(ge=64)] = Field(description="tokens of a step, padding included")
    learning_rate: Positive
    warm_up: Annotated[int, Field(ge=0)]
    weight_decay: Annotated[float, Field(ge=0, lt=1)]
    neighbours: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="probability mass of a figure that goes to its two neighbours on the grid"
    )


class OwnHistory(Record):
    """Rounds of learning. Between two rounds the model predicts recorded episodes in open loop."""

    every: Count = Field(description="steps of a round")
    episodes: Count = Field(
        description="recorded episodes predicted in open loop after each round but the last"
    )


class Lora(Record):
    """Low-rank adaptation of a pretrained model (Hu et al., 2022); merged into its weights at the end."""

    rank: Annotated[int, Field(ge=1, le=1_024)]
    alpha: Positive
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0


class ExperimentModelRecipe(Recipe):
    """The training of the experiment model. The seed decides the initial weights and the order of examples.

    Attributes:
        traces: Folder that `sixgym traces` has written, with topology seeds 1 to 50.
        held_back: Topology seeds of the traces that are kept for checks and not learned from.
        questions: Share of each kind of question.
        base: Folder of a pretrained checkpoint to start from; without it, a model of size `model` is trained
            from scratch.
        lora: Train a low-rank adaptation of `base` instead of all its weights.
        model: Size of a model from scratch.
        optimizer: Hyper-parameters.
        own_history: Rounds in which the model learns from its own open-loop rollouts.
        threads: CPU threads; so small a model gains little from more than two.
        checkpoint_every: Steps between two checkpoints.
    """

    traces: str
    held_back: HeldBack
    questions: Portions
    base: str | None = None
    lora: Lora | None = None
    model: ModelSize
    optimizer: Optimizer
    own_history: OwnHistory
    threads: Annotated[int, Field(ge=1, le=256)]
    checkpoint_every: Count

    @model_validator(mode="after")
    def _lora_needs_a_base(self) -> Self:
        if self.lora is not None and self.base is None:
            raise ValueError("lora adapts a pretrained model: name the folder of the model as base")
        return self
