"""Rows for training are made of recorded tokens alone, and the mask has what the model sampled, once."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgym.data.views.rows import Policy, TokenRow, training_rows
from sixgym.episodes.episode import Episode, ToolCall, Turn
from sixgym.episodes.messages import Message, Sampled, prompt_beyond
from tests.episodes.samples import sample_episode

EMPTY = sample_episode().model_copy(update={"steps": (), "closing": ()})


def conversation(
    *replies: tuple[Sequence[int], Sequence[int]], author: str = "react/m", model: str = "m"
) -> list[Message]:
    """Messages of prompts and replies, given as all of their tokens."""
    messages: list[Message] = []
    for prompt, tokens in replies:
        prefix, beyond = prompt_beyond(messages, prompt)
        sampled = Sampled(
            model=model,
            prefix=prefix,
            prompt=beyond,
            tokens=tuple(tokens),
            logprobs=tuple(-float(token) for token in tokens),
        )
        messages.append(Message(role="user", content="next", author="environment"))
        messages.append(Message(role="assistant", content="so", author=author, sampled=sampled))
    return messages


def episode_with(messages: Sequence[Message], **changes: object) -> Episode:
    turn = Turn(call=ToolCall(tool="look", arguments={}), messages=tuple(messages))
    return EMPTY.model_copy(update={"closing": (turn,), **changes})


def row(ids: str, mask: str, author: str = "react/m", model: str = "m") -> TokenRow:
    numbers, sampled = tuple(map(int, ids)), tuple(map(int, mask))
    logprobs = tuple(-float(token) if own else 0.0 for token, own in zip(numbers, sampled, strict=True))
    return TokenRow(EMPTY.id, Policy(author, model, None, None), numbers, sampled, logprobs)


def test_a_conversation_that_only_grows_is_one_row() -> None:
    talk = conversation(([1, 2], [3, 9]), ([1, 2, 3, 9, 4], [5, 9]))
    assert training_rows(episode_with(talk)) == (row("1239459", "0011011"),)


def test_a_past_that_is_rendered_anew_begins_a_row_with_new_tokens_only() -> None:
    talk = conversation(([1, 2], [3, 9]), ([1, 2, 7, 4], [5]), ([1, 2, 7, 4, 5, 6], [8]))
    assert training_rows(episode_with(talk)) == (row("1239", "0011"), row("1274568", "0000101"))


def test_a_shortened_past_begins_a_row() -> None:
    talk = conversation(([1, 2], [3, 9]), ([1, 2, 3], [4]))
    assert training_rows(episode_with(talk)) == (row("1239", "0011"), row("1234", "0001"))


def test_what_another_agent_said_is_not_in_the_mask() -> None:
    one, other = conversation(([1], [2]), ([1, 2, 3], [4]))[1::2]
    talk = [one, other.model_copy(update={"author": "critic"})]
    assert training_rows(episode_with(talk)) == (row("1234", "0100"), row("1234", "0001", author="critic"))


def test_rows_of_one_model_can_be_asked_for() -> None:
    one, other = conversation(([1], [2]), ([1, 2, 3], [4]))[1::2]
    assert other.sampled is not None
    talk = [one, other.model_copy(update={"sampled": other.sampled.model_copy(update={"model": "n"})})]
    episode = episode_with(talk)
    assert training_rows(episode, model="m") == (row("1234", "0100"),)
    assert training_rows(episode, model="n") == (row("1234", "0001", model="n"),)
    assert training_rows(episode, model="another") == ()


def test_earlier_attempts_and_called_agents_have_rows_of_their_own() -> None:
    earlier = episode_with(conversation(([1], [2])), id="earlier")
    called = episode_with(conversation(([3], [4]), author="helper"), id="called", called_at=0)
    episode = episode_with(conversation(([5], [6])), id="last", earlier=(earlier,), sub_episodes=(called,))
    assert [(one.episode, one.ids, one.policy.author) for one in training_rows(episode)] == [
        ("earlier", (1, 2), "react/m"),
        ("last", (5, 6), "react/m"),
        ("called", (3, 4), "helper"),
    ]


def test_a_reply_without_tokens_gives_no_row() -> None:
    assert training_rows(episode_with(conversation(([1, 2], [])))) == ()
    assert training_rows(sample_episode()) == ()


def test_an_empty_reply_within_a_conversation_is_passed_over() -> None:
    talk = conversation(([1, 2], []), ([1, 2, 4], [5]))
    assert training_rows(episode_with(talk)) == (row("1245", "0001"),)


def test_tokens_that_refer_to_missing_messages_are_an_error() -> None:
    talk = conversation(([1, 2], [3]), ([1, 2, 3, 4], [5]))
    with pytest.raises(ValueError, match=r"continues 3 tokens where the record has 0"):
        training_rows(episode_with(talk[2:]))


TOKENS = st.lists(st.integers(min_value=0, max_value=2), max_size=6)


@given(replies=st.lists(st.tuples(TOKENS, TOKENS), max_size=6))
def test_every_sampled_token_is_in_one_row_after_the_prompt_it_was_sampled_from(
    replies: list[tuple[list[int], list[int]]],
) -> None:
    rows = training_rows(episode_with(conversation(*replies)))
    found = [one.ids[: start + 1] for one in rows for start, own in enumerate(one.mask) if own]
    expected = [(*prompt, *tokens[: count + 1]) for prompt, tokens in replies for count in range(len(tokens))]
    assert found == expected
    for one in rows:
        assert one.old_logprobs == tuple(
            -float(token) * own for token, own in zip(one.ids, one.mask, strict=True)
        )
