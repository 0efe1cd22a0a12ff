"""From an episode alone to training rows, on decoders that really sampled it: text and native tool calls."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.llm.reflexion import ReflexionAgent
from sixgym.data.views.rows import TokenRow, training_rows
from sixgym.domain.intent import Answer, Goal
from sixgym.episodes.episode import Episode
from sixgym.models.chat import Sampling
from sixgym.models.local.decoding import Continuation, Prompt, decode
from sixgym.models.local.model import LocalModel
from tests.agents.llm.chatting import episode_of, short_task
from tests.chat_server import ChatServer, call, say
from tests.models.local.checkpoints import save_checkpoint
from tests.models.local.forward import logprobs_by_forward_pass
from tests.models.server.asking import model_at

TOOLS = ("check_network_state", "check_slice_status")
CALL_AS_TEXT = f'<tool_call>{{"name": "{TOOLS[0]}", "arguments": {{}}}}</tool_call>'
NATIVE_CALLS = f"<calls>{' '.join(TOOLS)}</calls>"


@dataclass
class Kept:
    """The tokens of every request in order, kept on the way."""

    prompts: list[list[int]] = field(default_factory=list)
    replies: list[list[int]] = field(default_factory=list)

    def add(self, prompt: Prompt, reply: Continuation) -> None:
        self.prompts.append(list(prompt.tokens))
        self.replies.append(list(reply.sampled))


def decoder(folder: Path, *line: str) -> Iterator[LocalModel]:
    model = LocalModel(save_checkpoint(folder, line), device="cpu")
    yield model
    model.close()


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    """Makes one call, as text, in every reply."""
    yield from decoder(tmp_path_factory.mktemp("caller"), CALL_AS_TEXT, "<|im_end|>")


@pytest.fixture(scope="module")
def parallel_caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    """Makes two calls in every reply."""
    yield from decoder(tmp_path_factory.mktemp("parallel"), NATIVE_CALLS, "<|im_end|>")


@pytest.fixture(scope="module")
def babbler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    """Writes random tokens, which its tokenizer would not all choose again for the same text."""
    yield from decoder(tmp_path_factory.mktemp("babbler"))


def watched(model: LocalModel, monkeypatch: pytest.MonkeyPatch) -> Kept:
    kept, submit = Kept(), model._batcher.submit

    def submitted(prompt: Prompt) -> Continuation:
        reply = submit(prompt)
        kept.add(prompt, reply)
        return reply

    monkeypatch.setattr(model._batcher, "submit", submitted)
    return kept


def stored(episode: Episode) -> Episode:
    assert episode.infrastructure_failure is None
    return Episode.model_validate_json(episode.model_dump_json())


def assert_sampled_once(
    rows: tuple[TokenRow, ...], kept: Kept, model: LocalModel, within: float = 1e-4
) -> None:
    """Every token is in the mask of one row, after its own prompt, and as likely as a forward pass says."""
    replies = [
        (*prompt, *reply[: count + 1])
        for prompt, reply in zip(kept.prompts, kept.replies, strict=True)
        for count in range(len(reply))
    ]
    assert replies == [row.ids[: at + 1] for row in rows for at, own in enumerate(row.mask) if own]
    for row in rows:
        expected = [0.0, *logprobs_by_forward_pass(model, row.ids)]
        masked = [value * own for value, own in zip(expected, row.mask, strict=True)]
        assert row.old_logprobs == pytest.approx(masked, abs=within)


def test_text_calls_of_a_decoder_in_this_process(caller: LocalModel, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = watched(caller, monkeypatch)
    episode = stored(episode_of(ReactAgent(caller, style="text"), short_task(3)))
    assert len(episode.steps) == 3
    rows = training_rows(episode)
    assert len(kept.prompts) == 4, "three calls, and one beyond the budget"
    (row,) = rows
    assert list(row.ids) == kept.prompts[-1] + kept.replies[-1], "the past is never rendered anew"
    assert row.policy == (f"react/{caller.name}", caller.name, caller.digest(), 0.0)
    assert_sampled_once(rows, kept, caller)


def test_a_past_that_is_tokenised_anew_gives_several_rows(
    babbler: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = watched(babbler, monkeypatch)
    agent = ReactAgent(babbler, Sampling(max_tokens=20, temperature=1, seed=4), style="text")
    rows = training_rows(stored(episode_of(agent, short_task(3))))
    assert len(rows) > 1
    # its random weights are 25 times as large as usual, and so is the rounding over 4,700 tokens
    assert_sampled_once(rows, kept, babbler, within=1e-3)


def test_attempts_and_reflections_have_their_tokens(
    caller: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = watched(caller, monkeypatch)
    task = short_task(2).model_copy(update={"goal": Goal(answer=Answer(number=7), window=1)})
    episode = stored(episode_of(ReflexionAgent(ReactAgent(caller, style="text"), tries=2), task))
    rows = training_rows(episode)
    assert [row.episode for row in rows] == [episode.earlier[0].id, episode.id]
    assert {row.policy.author for row in rows} == {f"reflexion/{caller.name}"}
    assert len(kept.replies) == 3 + 1 + 3, "calls and the one beyond the budget, a reflection, and again"
    assert_sampled_once(rows, kept, caller)


def serving(model: LocalModel, kept: Kept) -> Any:
    """Answers as vLLM does, with tokens: it parses native calls from what the decoder wrote."""

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        checkpoint = model._checkpoint
        chat = [
            {"role": one["role"], "content": NATIVE_CALLS if "tool_calls" in one else one["content"]}
            for one in request["messages"]
        ]
        prompt = Prompt(checkpoint.template.encode(chat), request["max_tokens"], request["temperature"], None)
        (reply,) = decode(checkpoint, [prompt], lambda: False)
        kept.add(prompt, reply)
        text = checkpoint.template.text(reply.tokens).removeprefix("<calls>").removesuffix("</calls>")
        number = len(kept.replies)
        calls = [call(tool, {}, id=f"c{number}-{at}") for at, tool in enumerate(text.split())]
        data = say(None, calls=calls, tokens=(len(prompt.tokens), len(reply.sampled)))
        if request.get("return_token_ids") and request.get("logprobs"):
            data["prompt_token_ids"] = list(prompt.tokens)
            data["choices"][0]["token_ids"] = list(reply.sampled)
            content = [{"token": "", "logprob": value, "top_logprobs": []} for value in reply.logprobs]
            data["choices"][0]["logprobs"] = {"content": content}
        return {**data, "model": "org/decoder"}

    return answer


def test_parallel_native_calls_of_a_decoder_behind_a_server(parallel_caller: LocalModel) -> None:
    kept = Kept()
    with (
        ChatServer(serving(parallel_caller, kept)) as server,
        model_at(server.url, return_token_ids=True) as model,
    ):
        episode = stored(episode_of(ReactAgent(model), short_task(5)))
    assert [step.turn.call.tool for step in episode.steps if step.turn.call] == [*TOOLS, *TOOLS, TOOLS[0]]
    assert len(kept.replies) == 4, "two calls in each of three replies, and a reply beyond the budget"
    rows = training_rows(episode)
    (row,) = rows
    assert list(row.ids) == kept.prompts[-1] + kept.replies[-1]
    assert sum(row.mask) == sum(map(len, kept.replies)), "a reply with two calls has its tokens once"
    assert row.policy == ("react/scripted", "org/decoder", None, 0.0)
    assert_sampled_once(rows, kept, parallel_caller)


def test_tokens_are_asked_for_only_if_wanted(parallel_caller: LocalModel) -> None:
    kept = Kept()
    with ChatServer(serving(parallel_caller, kept)) as server, model_at(server.url) as model:
        episode = episode_of(ReactAgent(model), short_task(1))
        assert all("return_token_ids" not in request.json for request in server.requests)
    assert training_rows(episode) == ()
    assert json.loads(episode.model_dump_json())["steps"][0]["turn"]["messages"][-1]["sampled"] is None
