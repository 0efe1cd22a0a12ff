"""Episodes of an older schema are read, those of a newer one are refused in one sentence."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from sixgym.domain.base import first_problem
from sixgym.episodes.episode import SCHEMA_VERSION, Episode
from sixgym.episodes.messages import Message, Sampled, Usage, WrittenCall
from sixgym.episodes.store import append_episode, read_episodes
from tests.episodes.samples import sample_episode

SCHEMA_1 = Path(__file__).parent / "data" / "schema-1.jsonl.gz"
"""Written by the code of schema 1: a reflexion agent with parallel calls, then a script of `sixgym run`."""

SAMPLED = Sampled(
    model="org/m",
    weights="0123456789ab",
    temperature=0.7,
    prompt=(5, 6),
    tokens=(7, 0),
    logprobs=(-1.5, -0.25),
)
USAGE = Usage(prompt_tokens=3, completion_tokens=2)


def full_episode() -> Episode:
    """An episode in which every field of the record is set."""
    signed = WrittenCall(id="a", tool="look", arguments="{}", extra={"extra_content": {"signature": "x+/="}})
    reply = Message(
        role="assistant",
        content="so",
        calls=(signed,),
        author="react/m",
        extra={"reasoning_content": "hm", "reasoning_details": [{"index": 0, "data": None}]},
        sampled=SAMPLED,
    )
    told = Message(role="tool", content="{}", answers="a", author="environment")
    episode = sample_episode()
    (first, *others) = episode.steps
    turn = first.turn.model_copy(update={"messages": (told, reply), "usage": USAGE})
    steps = (first.model_copy(update={"turn": turn}), *others)
    called = sample_episode(seed=2).model_copy(update={"steps": steps, "called_at": 1})
    return episode.model_copy(update={"steps": steps, "earlier": (episode,), "sub_episodes": (called,)})


def test_an_episode_with_every_field_survives_storing(tmp_path: Path) -> None:
    episode = full_episode()
    assert Episode.model_validate_json(episode.model_dump_json()) == episode
    append_episode(tmp_path / "run.jsonl", episode)
    assert list(read_episodes(tmp_path / "run.jsonl")) == [episode]


def test_an_episode_of_schema_1_is_read_as_one_of_this_schema() -> None:
    tried_again, scripted = read_episodes(SCHEMA_1)
    assert (tried_again.schema_version, scripted.schema_version) == (SCHEMA_VERSION, SCHEMA_VERSION)
    assert [len(attempt.steps) for attempt in (*tried_again.earlier, tried_again)] == [2, 2]
    assert tried_again.usage == Usage(prompt_tokens=20_000, completion_tokens=150)
    first = tried_again.messages[0]
    assert (first.role, first.author, first.sampled, first.extra) == ("system", None, None, {})
    assert [step.turn.call.tool for step in scripted.steps if step.turn.call] == [
        "check_network_state",
        "edge_offload",
    ]


def test_an_episode_of_schema_1_is_stored_as_one_of_this_schema() -> None:
    for episode in read_episodes(SCHEMA_1):
        again = Episode.model_validate_json(episode.model_dump_json())
        assert again == episode
        assert json.loads(episode.model_dump_json())["schema_version"] == SCHEMA_VERSION


def test_an_episode_of_a_newer_schema_asks_for_an_update() -> None:
    data = json.loads(sample_episode().model_dump_json())
    newer = {**data, "schema_version": SCHEMA_VERSION + 1, "field_of_the_future": 1}
    with pytest.raises(ValidationError) as caught:
        Episode.model_validate_json(json.dumps(newer))
    assert first_problem(caught.value) == (
        f"schema_version {SCHEMA_VERSION + 1}: written by a newer sixgym, this one reads up to "
        f"{SCHEMA_VERSION}; update sixgym"
    )


def test_tokens_of_called_agents_and_of_all_their_attempts_are_counted() -> None:
    episode = full_episode()
    (called,) = episode.sub_episodes
    calling_again = called.model_copy(update={"earlier": (called,)})
    assert episode.usage == USAGE + USAGE
    twice = episode.model_copy(update={"sub_episodes": (calling_again, called)})
    assert twice.usage == USAGE + USAGE + USAGE + USAGE


def test_a_request_of_a_called_agent_that_nobody_counted_leaves_the_total_unknown() -> None:
    episode = full_episode()
    (called,) = episode.sub_episodes
    step = called.steps[0]
    uncounted = step.model_copy(update={"turn": step.turn.model_copy(update={"usage": None})})
    called = called.model_copy(update={"steps": (uncounted,)})
    assert episode.model_copy(update={"sub_episodes": (called,)}).usage is None


def test_equal_seeds_give_equal_episodes_whatever_the_clock_and_the_batch_say() -> None:
    episode = full_episode()
    other = json.loads(full_episode().model_dump_json())
    (called,) = other["sub_episodes"]
    for one in (other, called):
        one |= {"id": "another", "started_at": "later"}
        one["steps"][0]["agent_s"] = 9.0
        one["steps"][0]["turn"]["messages"][1]["sampled"]["logprobs"][0] += 1e-6
    assert Episode.model_validate(other).without_clock() == episode.without_clock()
    called["steps"][0]["turn"]["messages"][1]["sampled"]["tokens"][0] += 1
    assert Episode.model_validate(other).without_clock() != episode.without_clock()


def test_tokens_and_log_probabilities_are_as_many() -> None:
    with pytest.raises(ValidationError, match="2 tokens with 1 log-probabilities"):
        Sampled(model="m", prompt=(1,), tokens=(1, 2), logprobs=(-1.0,))
