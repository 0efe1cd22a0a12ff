"""DRL-Slicing: a deep RL agent for admission and PRB control, 6GAgentGym's learned baseline (section IV-B).

The original (Cai et al., IEEE Transactions on Mobile Computing 23(6), reference [3] of the paper) admits
users and divides power among slices online, with a network that predicts states. Neither its code
nor its adaptation to tool calls is published; this one is ours. A small network maps the knowledge of the
agent (`view`) to a discrete admission and continuous shares of PRBs, which map to the nearest call
(`actions`). `sixgym train recipes/agentgym/drl_slicing.yaml` trains it; acting needs numpy
alone, and the same observation gives the same call.

A read costs a call, so reads have a budget: every slice is read once at the start, with at most half of all
calls. Later a read only replaces a decision that changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from sixgym.agents.learned.drl_slicing.actions import DECISIONS, OUTPUTS, Decision, status_call, turn_for
from sixgym.agents.learned.drl_slicing.view import FEATURES, Floats, PolicyView, features
from sixgym.agents.learned.tensors import TensorFile, TensorFileError, parse_tensors
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Turn

WEIGHTS_FILE = "drl_slicing.safetensors"

HIDDEN_LAYERS = 2
TENSORS = tuple(f"policy.{layer}.{part}" for layer in range(HIDDEN_LAYERS + 1) for part in ("weight", "bias"))
"""Names of the tensors in a file of weights, from input to output. A weight has shape (outputs, inputs)."""

READ_UP_TO = 0.5
"""Largest share of its calls that the agent spends on reads before its first decision."""


class PolicyError(ValueError):
    """A file does not hold the network of the agent. The message names the file and the reason."""


@dataclass(frozen=True)
class DrlSlicingAgent:
    """Reads every slice, then makes the most probable decision at each step, until its calls are used up.

    Attributes:
        layers: Weight (outputs, inputs) and bias (outputs) of each layer; tanh between them.
        provenance: Origin of the weights.
        name: Name of the agent, for the record.
    """

    layers: tuple[tuple[Floats, Floats], ...]
    provenance: tuple[tuple[str, str], ...] = ()
    name: str = "drl-slicing"

    def act(self, observation: Observation) -> Turn:
        """The next turn."""
        if observation.steps_left < 1:
            return Turn(thought="no calls left", answer="Admission and PRB shares are set.")
        view = PolicyView.of(observation)
        return due_reading(view) or turn_for(view, *self.decide(view))

    def decide(self, view: PolicyView) -> tuple[Decision, tuple[float, ...]]:
        """The most probable decision, and the mean levels of the slices."""
        hidden = features(view)
        for weight, bias in self.layers[:-1]:
            hidden = np.tanh(weight @ hidden + bias)
        weight, bias = self.layers[-1]
        outputs = weight @ hidden + bias
        return split_outputs(outputs.tolist())


def split_outputs(outputs: Sequence[float]) -> tuple[Decision, tuple[float, ...]]:
    """The decision with the highest score, and the levels."""
    scores = outputs[:DECISIONS]
    return Decision(max(range(DECISIONS), key=scores.__getitem__)), tuple(outputs[DECISIONS:])


def due_reading(view: PolicyView) -> Turn | None:
    """The reading of a slice that comes before any decision, if one is due."""
    seen = view.observation
    made = len(seen.history)
    if not view.unread or made + 1 > READ_UP_TO * (made + seen.steps_left):
        return None
    return Turn(thought="nothing is known of this slice", call=status_call(view.unread[0]))


def load_policy(path: Path) -> DrlSlicingAgent:
    """The agent with the weights of a file.

    Raises:
        PolicyError: there is no such file, or it holds something else.
    """
    try:
        return agent_from(path.read_bytes(), str(path))
    except OSError as error:
        raise PolicyError(f"{path}: cannot be read: {error.strerror}") from None


def load_shipped() -> DrlSlicingAgent:
    """The agent with the weights that come with sixgym.

    Raises:
        PolicyError: the weights are damaged.
    """
    source = files("sixgym.agents.learned.drl_slicing") / WEIGHTS_FILE
    try:
        return agent_from(source.read_bytes(), WEIGHTS_FILE)
    except OSError as error:
        raise PolicyError(f"{WEIGHTS_FILE}: cannot be read: {error.strerror}") from None


def agent_from(content: bytes, source: str) -> DrlSlicingAgent:
    """The agent with the weights in these bytes. Error messages call them `source`.

    Raises:
        PolicyError: the bytes hold something else.
    """
    try:
        file = parse_tensors(content)
        layers = _layers(file)
    except TensorFileError as error:
        raise PolicyError(
            f"{source}: no policy of drl-slicing: {error}; train one with `sixgym train`"
        ) from None
    return DrlSlicingAgent(layers, tuple(sorted(file.metadata.items())))


def _layers(file: TensorFile) -> tuple[tuple[Floats, Floats], ...]:
    if set(file.tensors) != set(TENSORS):
        raise TensorFileError(f"its tensors are not {', '.join(TENSORS)}")
    ends = (("features", FEATURES), ("outputs", OUTPUTS))
    for name, expected in ends:
        if file.metadata.get(name, "").split(",") != list(expected):
            raise TensorFileError(f"it was trained with other {name}")
    layers: list[tuple[Floats, Floats]] = []
    width = len(FEATURES)
    for layer in range(HIDDEN_LAYERS + 1):
        weight, bias = (file.tensors[f"policy.{layer}.{part}"] for part in ("weight", "bias"))
        outputs = len(OUTPUTS) if layer == HIDDEN_LAYERS else bias.size
        if weight.shape != (outputs, width) or bias.shape != (outputs,):
            raise TensorFileError(f"layer {layer} has shape {weight.shape} and bias {bias.shape}")
        layers.append((weight, bias))
        width = outputs
    return tuple(layers)
