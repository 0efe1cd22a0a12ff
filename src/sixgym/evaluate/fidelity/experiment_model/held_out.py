"""Held-out traces with replicates, on which the experiment model is measured."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sixgym.data.traces.folder import TracesFolder
from sixgym.data.traces.manifest import Traces, TracesError, making_command, read_manifest, task_id
from sixgym.domain.change import Fly, HandOver
from sixgym.domain.splits import HELD_OUT_SEEDS
from sixgym.episodes.episode import Episode, Step, ToolCall
from sixgym.evaluate.fidelity.experiment_model.dimensions import vectors
from sixgym.evaluate.statistics import Floats
from sixgym.run.replay import Changes, ReplayError, recorded_changes
from sixgym.tools.base import CATALOG, Effect

StepKind = Literal["configuration", "radio", "fault", "else"]
STEP_KINDS: tuple[StepKind, ...] = ("configuration", "radio", "fault", "else")
"""Kind of a step: a configuration call was carried out; else a UAV was sent somewhere or handed over; else a
fault began or ended; else none of these."""


_OPTIONS = "--seeds 51-80 --episodes 180 --replicates 2"


@dataclass(frozen=True, slots=True)
class ReplicatePair:
    """An exploration, and its replicate with other traffic and fading.

    Attributes:
        episode: The exploration.
        replicate: States of the replicate after each step, shape (steps, 6).
        aligned_steps: Number of first steps with equal changes in both networks; after them, more than chance
            differs.
        kinds: Kind of each step.
    """

    episode: Episode
    replicate: Floats
    aligned_steps: int
    kinds: tuple[StepKind, ...]


def read_held_out(folder: Path) -> Traces:
    """The manifest of a folder of traces on which an experiment model may be measured.

    Raises:
        TracesError: the folder holds no traces, or traces without replicates or of seeds for training.
    """
    traces = read_manifest(folder, _OPTIONS)
    remedy = f"`{making_command(folder, _OPTIONS)}` makes traces that can be used"
    if traces.replicates < 2:
        raise TracesError(f"{folder} holds no replicates, so the floor of chance is not known; {remedy}")
    learned = [seed for seed in traces.topology_seeds if seed not in HELD_OUT_SEEDS]
    if learned:
        raise TracesError(f"{folder} holds topology seed {learned[0]}, which is not held out; {remedy}")
    return traces


def read_pairs(folder: Path, traces: Traces, limit: int | None) -> list[ReplicatePair]:
    """The explorations whose replicates are whole as well, by number.

    Args:
        folder: The folder of the traces.
        traces: The manifest of the folder.
        limit: Number of explorations, from the first; None is all of them.

    Raises:
        TracesError: the folder holds fewer or none, or another version of the tools made them.
        RecordFileError: the file of the episodes cannot be read.
    """
    wanted = range(traces.episodes if limit is None else min(limit, traces.episodes))
    first = {task_id((number, 0)): number for number in wanted}
    second = {task_id((number, 1)): number for number in wanted}
    episodes: dict[int, Episode] = {}
    replicates: dict[int, tuple[list[Changes], Floats]] = {}
    for episode in TracesFolder(folder).episodes():
        if topology_seed_of(episode) not in HELD_OUT_SEEDS:
            raise TracesError(f"{folder}: {episode.id} is on a topology seed that is not held out")
        if episode.task.id in first and episode.steps:
            episodes[first[episode.task.id]] = episode
        elif episode.task.id in second and episode.steps:
            states = vectors([step.after for step in episode.steps])
            replicates[second[episode.task.id]] = (_changes(episode), states)
    pairs = [
        _pair(episodes[number], *replicates[number])
        for number in wanted
        if number in episodes and number in replicates
    ]
    if not any(pair.aligned_steps for pair in pairs):
        raise TracesError(f"{folder} holds no exploration that is whole together with its replicate")
    if limit is not None and len(pairs) < limit:
        raise TracesError(f"{folder} holds {len(pairs)} explorations with their replicates, not {limit}")
    return pairs


def weights(traces: Traces, episode: Episode) -> Iterator[float]:
    """The weight of each step with which all tools have the same weight: one over the tool's probability.

    Raises:
        TracesError: the manifest has no probability of a tool.
    """
    for step in episode.steps:
        probability = traces.probabilities.get(call_of(step).tool, 0.0)
        if probability <= 0:
            raise TracesError(
                f"{episode.id} calls {call_of(step).tool}, whose probability is not in the manifest"
            )
        yield 1 / probability


def topology_seed_of(episode: Episode) -> int:
    """The topology seed of an exploration."""
    seed = episode.task.scenario.topology_seed
    assert seed is not None  # explorations are placed
    return seed


def call_of(step: Step) -> ToolCall:
    """The call of a step."""
    assert step.turn.call is not None  # a step is a turn that made a call
    return step.turn.call


# ---------------------------------------------------------------------- inside
def _pair(episode: Episode, replicate_changes: list[Changes], replicate: Floats) -> ReplicatePair:
    changes = _changes(episode)
    both = list(zip(changes, replicate_changes, strict=False))
    aligned = next((index for index, (ours, theirs) in enumerate(both) if ours != theirs), len(both))
    kinds: list[StepKind] = [_kind(episode, *one) for one in zip(episode.steps, changes, strict=True)]
    return ReplicatePair(episode, replicate, aligned, tuple(kinds))


def _kind(episode: Episode, step: Step, changes: Changes) -> StepKind:
    if step.outcome.ok and CATALOG[call_of(step).tool].effect is Effect.CONFIGURATION:
        return "configuration"
    if any(isinstance(change, Fly | HandOver) for change in changes):
        return "radio"
    during = range(step.interval.start_ms, step.interval.end_ms)
    edges = (at for fault in episode.task.scenario.faults for at in (fault.start_ms, fault.end_ms))
    return "fault" if any(at in during for at in edges) else "else"


def _changes(episode: Episode) -> list[Changes]:
    """The changes of the network before each step's interval."""
    try:
        return recorded_changes(episode)[1:]
    except ReplayError as error:
        raise TracesError(str(error)) from None
