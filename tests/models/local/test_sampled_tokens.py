"""The tokens of a checkpoint in a folder: what was drawn, how likely it was, and from what prompt."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sixgym.episodes.messages import Message, Sampled
from sixgym.models.chat import Completion, ModelError, ModelUnusableError, Sampling
from sixgym.models.local.model import LocalModel
from tests.models.local.checkpoints import save_checkpoint
from tests.models.local.forward import logprobs_by_forward_pass

ANSWER = "<answer>all is well</answer>"
ASKED = [Message(role="system", content="Operate."), Message(role="user", content="Why?")]


@pytest.fixture(scope="module")
def babbler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalModel]:
    """Random weights: replies hardly ever end."""
    model = LocalModel(save_checkpoint(tmp_path_factory.mktemp("babbler")), device="cpu")
    yield model
    model.close()


@pytest.fixture(scope="module")
def answerer_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_checkpoint(tmp_path_factory.mktemp("answerer"), (ANSWER, "<|im_end|>"))


@pytest.fixture(scope="module")
def answerer(answerer_folder: Path) -> Iterator[LocalModel]:
    model = LocalModel(answerer_folder, device="cpu")
    yield model
    model.close()


def ask(model: LocalModel, messages: Sequence[Message], **sampling: Any) -> Completion:
    return model.complete(messages, (), Sampling.model_validate({"max_tokens": 12, **sampling}))


def sampled(model: LocalModel, messages: Sequence[Message], **sampling: Any) -> Sampled:
    found = ask(model, messages, **sampling).sampled
    assert found is not None
    return found


@pytest.mark.parametrize("temperature", [0, 0.5, 1, 1.7])
def test_log_probabilities_are_those_of_the_model_at_temperature_1(
    babbler: LocalModel, temperature: float
) -> None:
    found = sampled(babbler, ASKED, temperature=temperature, seed=3)
    assert (len(found.tokens), found.temperature) == (12, temperature)
    expected = logprobs_by_forward_pass(babbler, [*found.prompt, *found.tokens])[-12:]
    assert found.logprobs == pytest.approx(expected, abs=1e-4)


def test_log_probabilities_do_not_depend_on_the_batch(babbler: LocalModel) -> None:
    talks = [[Message(role="user", content="why? " * number)] for number in range(9)]

    def drawn(talk: list[Message]) -> Sampled:
        return sampled(babbler, talk, temperature=1.3, seed=5)

    with ThreadPoolExecutor(len(talks)) as pool:
        together = list(pool.map(drawn, talks))
    for found in together:
        expected = logprobs_by_forward_pass(babbler, [*found.prompt, *found.tokens])[-12:]
        assert found.logprobs == pytest.approx(expected, abs=1e-4)


def test_the_token_that_ends_a_reply_is_among_the_sampled_ones(answerer: LocalModel) -> None:
    template = answerer._checkpoint.template
    found = sampled(answerer, ASKED)
    assert len(found.tokens) == len(found.logprobs) == 2
    assert template.text(found.tokens) == f"{ANSWER}<|im_end|>"
    assert found.prompt == template.encode(
        [{"role": "system", "content": "Operate."}, {"role": "user", "content": "Why?"}]
    )


def test_a_reply_that_is_cut_off_has_no_end(answerer: LocalModel) -> None:
    reply = ask(answerer, ASKED, max_tokens=1)
    assert reply.cut_off
    assert reply.sampled is not None
    assert answerer._checkpoint.template.text(reply.sampled.tokens) == ANSWER


def test_an_empty_reply_is_its_end(tmp_path: Path) -> None:
    model = LocalModel(save_checkpoint(tmp_path, ("<|im_end|>",)), device="cpu")
    reply = ask(model, ASKED)
    assert (reply.content, reply.cut_off) == ("", False)
    assert reply.sampled is not None
    assert model._checkpoint.template.text(reply.sampled.tokens) == "<|im_end|>"
    model.close()


def test_only_what_is_new_in_a_prompt_is_stored(answerer: LocalModel) -> None:
    first = sampled(answerer, ASKED)
    reply = Message(role="assistant", content=ANSWER, sampled=first)
    talk = [*ASKED, reply, Message(role="user", content="And now?")]
    second = sampled(answerer, talk)
    assert (first.prefix, second.prefix) == (0, len(first.prompt) + len(first.tokens))
    plain = [message.model_copy(update={"sampled": None}) for message in talk]
    whole = sampled(answerer, plain)
    assert (*first.prompt, *first.tokens, *second.prompt) == whole.prompt
    assert second.tokens == whole.tokens


def test_model_and_weights_are_named(answerer: LocalModel, answerer_folder: Path) -> None:
    found = sampled(answerer, ASKED)
    assert (found.model, found.weights) == (answerer_folder.name, answerer.digest())


def test_other_weights_have_another_digest(answerer: LocalModel, tmp_path: Path) -> None:
    other = LocalModel(save_checkpoint(tmp_path, ("<answer>no</answer>", "<|im_end|>")), device="cpu")
    assert other.digest() != answerer.digest()
    other.close()


def test_weights_that_give_no_finite_numbers_are_an_error_of_the_request(tmp_path: Path) -> None:
    import torch

    model = LocalModel(save_checkpoint(tmp_path), device="cpu")
    with torch.no_grad():
        model._checkpoint.model.lm_head.weight.fill_(torch.nan)
    with pytest.raises(ModelError, match="not finite") as caught:
        ask(model, ASKED)
    assert not isinstance(caught.value, ModelUnusableError)
    model.close()
