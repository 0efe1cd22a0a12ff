"""The experiment model as a method of training."""

from sixgym.train.experiment_model.recipe import ExperimentModelRecipe
from sixgym.train.method import Method

EXPERIMENT_MODEL = Method(
    name="experiment-model",
    summary="the experiment model learns how a network answers from what `sixgym traces` has recorded; "
    "DIR/model is then a network, `--network experiment-model:DIR/model`. `base` in the recipe starts from a "
    "pretrained checkpoint, on a GPU if there is one.",
    recipe=ExperimentModelRecipe,
    extra="hf",
    trainer="sixgym.train.experiment_model.run:run",
    # threads that spin while they wait take many times as long where the cores have other work
    environment={"OMP_WAIT_POLICY": "PASSIVE"},
)
