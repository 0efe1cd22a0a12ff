"""Traces on which an experiment model can and cannot be measured."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from sixgym.data.traces.folder import TracesFolder
from sixgym.data.traces.manifest import Traces, TracesError
from sixgym.episodes.episode import Episode
from sixgym.evaluate.fidelity.experiment_model.figures import (
    predict,
    prediction_batches,
)
from sixgym.evaluate.fidelity.experiment_model.held_out import (
    ReplicatePair,
    read_pairs,
    weights,
)
from sixgym.run.executor import WorkError
from sixgym.simulators.experiment_model.simulator import Answers


def test_a_replicate_is_compared_until_something_else_is_changed_in_it(
    folder: Path, traces: Traces, tmp_path: Path
) -> None:
    episodes = {one.task.id: one for one in TracesFolder(folder).episodes()}
    assert read_pairs(folder, traces, 1)[0].aligned_steps == 20
    first, second = episodes["exploration-0-0"], episodes["exploration-0-1"]
    index = next(
        step.index
        for step in first.steps
        if step.turn.call is not None
        and step.turn.call.tool == "trigger_slice_reallocation"
        and step.outcome.ok
    )
    other = without_call(second, index)
    for episode in (first, other):
        TracesFolder(tmp_path).add(episode)
    assert read_pairs(tmp_path, traces, 1)[0].aligned_steps == index


def without_call(episode: Episode, index: int) -> Episode:
    """The same with a call that changes nothing."""
    step = episode.steps[index]
    assert step.turn.call is not None
    call = step.turn.call.model_copy(update={"tool": "check_network_state", "arguments": {}})
    changed = step.model_copy(update={"turn": step.turn.model_copy(update={"call": call})})
    return episode.model_copy(
        update={"steps": (*episode.steps[:index], changed, *episode.steps[index + 1 :])}
    )


def test_calls_that_do_otherwise_than_recorded_are_refused(
    folder: Path, traces: Traces, tmp_path: Path
) -> None:
    for episode in TracesFolder(folder).episodes():
        steps = [
            step.model_copy(
                update={"outcome": step.outcome.model_copy(update={"result": None, "error": "no"})}
            )
            for step in episode.steps
        ]
        TracesFolder(tmp_path).add(episode.model_copy(update={"steps": tuple(steps)}))
    with pytest.raises(TracesError, match="another version of the tools"):
        read_pairs(tmp_path, traces, None)


def test_a_tool_without_a_probability_is_an_error(traces: Traces, pairs: Sequence[ReplicatePair]) -> None:
    bare = traces.model_copy(update={"probabilities": {}})
    with pytest.raises(TracesError, match="probability"):
        list(weights(bare, pairs[0].episode))


def test_more_episodes_than_there_are_is_an_error(folder: Path, traces: Traces) -> None:
    assert len(read_pairs(folder, traces, 2)) == 2
    with pytest.raises(TracesError, match="3 explorations with their replicates, not 4"):
        read_pairs(folder, traces, 4)


def test_a_model_that_cannot_be_loaded_is_said_in_its_own_words(pairs: Sequence[ReplicatePair]) -> None:
    from sixgym.models.chat import ModelUnusableError

    def load() -> Answers:
        raise ModelUnusableError("these weights are no weights")

    with pytest.raises(WorkError, match=r"^these weights are no weights$"):
        predict(prediction_batches(pairs, 0), load, "tti", workers=1, progress=lambda _: None)
