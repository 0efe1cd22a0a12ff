"""Reasons are made from what was measured, name the cause, and are worded in many ways."""

import random
from dataclasses import replace

import pytest

from sixgym.backends.simulated import SimulatedBackend
from sixgym.data.traces.evidence import evidence
from sixgym.data.traces.exploration import Explorer, exploration
from sixgym.data.traces.reasons import reason
from sixgym.domain.slices import SliceType
from sixgym.domain.splits import TRAINING_SEEDS
from sixgym.envs.environment import Environment
from sixgym.episodes.episode import Episode, Outcome, ToolCall
from sixgym.run.rollout import rollout
from tests.doubles import FluidSimulator


@pytest.fixture(scope="module")
def episodes() -> list[Episode]:
    found: list[Episode] = []
    for number in range(30):
        backend = SimulatedBackend(FluidSimulator())
        task = exploration(number, TRAINING_SEEDS)
        agent = Explorer(number, lambda backend=backend: backend.snapshot)
        found.append(rollout(Environment(backend), agent, task))
    return found


def test_every_step_has_a_reason_and_hardly_two_are_alike(episodes: list[Episode]) -> None:
    texts: list[str] = []
    for episode in episodes:
        before = episode.initial_interval
        for step in episode.steps:
            assert before is not None
            texts.append(reason(before, step, random.Random(f"{episode.id}/{step.index}")))
            before = step.interval
    assert all(20 < len(text) < 700 for text in texts)
    assert len(set(texts)) > 0.7 * len(texts)


def test_the_same_draw_gives_the_same_words_and_another_says_it_otherwise(episodes: list[Episode]) -> None:
    step, before = episodes[0].steps[3], episodes[0].steps[2].interval
    assert reason(before, step, random.Random(1)) == reason(before, step, random.Random(1))
    assert len({reason(before, step, random.Random(seed)) for seed in range(20)}) > 3


def test_nothing_is_named_where_nothing_was_measured(episodes: list[Episode]) -> None:
    step = episodes[0].steps[3]
    call = ToolCall(tool="check_network_state", arguments={})
    turn = step.turn.model_copy(update={"call": call})
    quiet = replace(step.interval, faults=())
    same = step.model_copy(
        update={"turn": turn, "outcome": Outcome(result={}), "before": step.after, "interval": quiet}
    )
    assert evidence(quiet, quiet) == []
    text = reason(quiet, same, random.Random(0))
    assert text.startswith("check_network_state")
    assert "traffic and fading" in text or "no other cause" in text
    assert text.endswith(("stays as it was.", "hold."))


def test_a_cell_that_lost_power_is_named_with_how_much(episodes: list[Episode]) -> None:
    step = episodes[0].steps[3]
    name, cell = next(iter(step.interval.cells.items()))
    weaker = replace(cell, tx_power_dbm=cell.tx_power_dbm - 25)
    struck = replace(step.interval, cells={**step.interval.cells, name: weaker})
    (found,) = [one for one in evidence(step.interval, struck) if one.kind == "weaker-cell"]
    assert (found.where, found.before - found.after) == (name, 25)
    text = reason(step.interval, step.model_copy(update={"interval": struck}), random.Random(0))
    assert name in text
    assert "25 dB" in text


def test_devices_that_change_slice_are_counted(episodes: list[Episode]) -> None:
    interval = episodes[0].steps[3].interval
    moved = dict(interval.slices)
    for kind, by in ((SliceType.URLLC, -2), (SliceType.EMBB, 2)):
        moved[kind] = replace(moved[kind], devices=moved[kind].devices + by)
    kinds = {one.kind: one.where for one in evidence(interval, replace(interval, slices=moved))}
    assert kinds == {"moved-out": "URLLC", "moved-in": "eMBB"}


def test_a_refused_call_is_said_to_change_nothing(episodes: list[Episode]) -> None:
    step = episodes[0].steps[3].model_copy(update={"outcome": Outcome(error="no")})
    text = reason(episodes[0].steps[2].interval, step, random.Random(0))
    assert "refused" in text or "not carried out" in text


def test_the_state_that_moved_most_is_named_first(episodes: list[Episode]) -> None:
    step = episodes[0].steps[3]
    before = step.after.model_copy(update={"latency_ms": 5.0, "loss_ratio": 0.0, "throughput_mbps": 2.0})
    after = step.after.model_copy(update={"latency_ms": 60.0, "loss_ratio": 0.0, "throughput_mbps": 1.5})
    moved = step.model_copy(update={"before": before, "after": after})
    last = reason(episodes[0].steps[2].interval, moved, random.Random(0)).split(". ")[-1]
    assert last.index("latency") < last.index("throughput")
    assert "from 5.0 to 60.0 ms" in reason(episodes[0].steps[2].interval, moved, random.Random(0))
