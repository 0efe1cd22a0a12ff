"""The engine writes legal words only, whatever weights and tokenizer, and answers each question alone."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from sixgym.data.traces.exploration import exploration
from sixgym.domain.change import HandOver
from sixgym.domain.scenario import Scenario
from sixgym.simulators.experiment_model.decode.compose import composed_interval
from sixgym.simulators.experiment_model.encode.answers import Question
from sixgym.simulators.experiment_model.encode.questions import questions
from sixgym.simulators.experiment_model.engine.inference import MEDIAN, Engine, Query
from sixgym.simulators.experiment_model.engine.language import ANSWER, AnswerLanguage
from sixgym.simulators.experiment_model.engine.vocabulary import UNKNOWN, make_tokenizer
from sixgym.simulators.experiment_model.state.tracker import NetworkTracker
from tests.simulators.experiment_model.checkpoint import random_model

pytestmark = pytest.mark.usefixtures("one_thread")

PLACES = range(20)


def byte_level_tokenizer() -> Any:
    """Of the kind that pretrained models have: a figure is several tokens."""
    lines = [
        "flow URLLC uav steady nominal=0.8 size=200 sinr=12 rho=0.25 before delivered=1 lost=0 latency=5.25",
        "slice eMBB dedicated=20 min=45 max=70 need=12 have=20 before granted=22.5 -> granted=22 used=9",
        "handover=COMPLETE delivered=0.995 lost=0 dropped=0 latency=12.6 p95=20 longest=31 jitter=1.5",
    ]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|endoftext|>", pad_token="<|endoftext|>"
    )


@pytest.fixture(scope="module")
def own() -> Engine:
    """A token for each word; in double precision, where the order of additions is of no explanation."""
    tokenizer = make_tokenizer()
    return Engine(random_model(tokenizer).double(), tokenizer)


@pytest.fixture(scope="module")
def pretrained() -> Engine:
    tokenizer = byte_level_tokenizer()
    return Engine(random_model(tokenizer, kind=transformers.Qwen3Config).double(), tokenizer)


def asked_of(engine: Engine, scenario: Scenario, intervals: int) -> list[Question]:
    """What is asked about a network whose answers come from the engine, with a handover at first."""
    tracker = NetworkTracker(scenario)
    uavs = [name for group in scenario.groups if group.airframe for name in group.device_ids]
    everything: list[Question] = []
    for number in range(intervals):
        if number == 1:
            tracker.apply(HandOver(uavs[0], scenario.cells[-1].id))
        context = tracker.begin_interval(500)
        asked = questions(tracker, context)
        answers = engine.answer([Query(one, (MEDIAN,) * len(one.blanks)) for one in asked])
        tracker.end_interval(context, composed_interval(tracker, context, asked, answers))
        everything += asked
    return everything


def drawn(asked: Sequence[Question], seed: int) -> list[Query]:
    rng = random.Random(seed)
    return [Query(question, tuple(rng.random() for _ in question.blanks)) for question in asked]


def middle(asked: Sequence[Question]) -> list[Query]:
    return [Query(question, (MEDIAN,) * len(question.blanks)) for question in asked]


def assert_legal(asked: Sequence[Query], answers: Sequence[dict[str, str]]) -> None:
    for one, answer in zip(asked, answers, strict=True):
        assert list(answer) == [blank.name for blank in one.question.blanks]
        for blank in one.question.blanks:
            assert answer[blank.name] in blank.words


# ------------------------------------------------------------------ company
def test_a_question_is_answered_in_company_as_it_is_alone(own: Engine) -> None:
    several = asked_of(own, exploration(1, PLACES).scenario, 3)
    for asked in (middle(several), drawn(several, 1)):
        together = own.answer(asked)
        assert [own.answer([one])[0] for one in asked] == together
        mixed = list(range(len(asked)))
        random.Random(2).shuffle(mixed)
        assert own.answer([asked[index] for index in mixed]) == [together[index] for index in mixed]
    assert len({tuple(answer.values()) for answer in together}) > len(together) / 2


def test_tokens_of_a_pretrained_kind_make_the_same_words_in_any_company(pretrained: Engine) -> None:
    several = asked_of(pretrained, exploration(2, PLACES).scenario, 2)[:24]
    for asked in (middle(several), drawn(several, 1)):
        together = pretrained.answer(asked)
        assert [pretrained.answer([one])[0] for one in asked] == together


def test_nothing_asked_is_nothing_answered(own: Engine) -> None:
    assert own.answer([]) == []


# ------------------------------------------------------------------ legal words
def test_words_of_several_tokens_are_written_whole(pretrained: Engine) -> None:
    several = asked_of(pretrained, exploration(0, PLACES).scenario, 3)
    assert {question.kind for question in several} == {"flow", "tasks", "node", "slice", "cell"}
    assert any(question.blanks[0].name == "handover" for question in several)
    assert all(pretrained.language.single(blank) is None for one in several for blank in one.blanks)
    greedy = pretrained.answer(middle(several))
    assert_legal(middle(several), greedy)
    seen = {answer["latency"] for answer in greedy if "latency" in answer}
    for seed in range(3):
        asked = drawn(several, seed)
        answers = pretrained.answer(asked)
        assert_legal(asked, answers)
        assert pretrained.answer(asked) == answers
        seen |= {answer["latency"] for answer in answers if "latency" in answer}
    assert len(seen) > 20


@pytest.mark.parametrize("quantile", [0.0, 1e-12, 1 - 1e-12, 1.0])
@pytest.mark.parametrize("kind", ["own", "pretrained"])
def test_the_ends_of_the_scale_are_words_too(
    kind: str, quantile: float, request: pytest.FixtureRequest
) -> None:
    engine: Engine = request.getfixturevalue(kind)
    several = asked_of(engine, exploration(1, PLACES).scenario, 1)
    asked = [Query(question, (quantile,) * len(question.blanks)) for question in several]
    assert_legal(asked, engine.answer(asked))


def test_a_higher_quantile_is_never_a_lower_figure(own: Engine) -> None:
    (question,) = [one for one in asked_of(own, exploration(1, PLACES).scenario, 1) if one.kind == "cell"][:1]
    figure = question.blanks[0].figure
    assert figure is not None
    levels = [0.02 * step for step in range(50)]
    answers = own.answer([Query(question, (level,)) for level in levels])
    values = [figure.values[answer["busy"]] for answer in answers]
    assert values == sorted(values)
    assert len(set(values)) > 5


# ------------------------------------------------------------------ language
def test_every_word_of_every_question_has_a_token_of_its_own(own: Engine) -> None:
    tokenizer = make_tokenizer()
    unknown = tokenizer.convert_tokens_to_ids(UNKNOWN)
    for number in range(3):
        for question in asked_of(own, exploration(number, PLACES).scenario, 3):
            for word in (*question.words, ANSWER):
                tokens = own.language.tokens(word)
                assert len(tokens) == 1, word
                assert tokens[0] != unknown, word
            for blank in question.blanks:
                single = own.language.single(blank)
                assert single is not None
                assert len(set(single)) == len(blank.words)


def test_the_tree_of_a_blank_ends_in_each_of_its_words_once(pretrained: Engine) -> None:
    for question in questions_of(exploration(2, PLACES).scenario):
        for blank in question.blanks:
            ends: list[str] = []
            branches = [pretrained.language.branch(blank)]
            while branches:
                branch = branches.pop()
                # otherwise a word would be the beginning of another, and one of them could not be said
                assert (branch.word is None) == bool(branch.children)
                branches += branch.children.values()
                ends += [] if branch.word is None else [branch.word]
            assert sorted(ends) == sorted(blank.words)


def test_a_tokenizer_that_cannot_tell_words_apart_is_refused() -> None:
    poor = Tokenizer(models.WordPiece({"<unknown>": 0, "latency": 1}, unk_token="<unknown>"))
    poor.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    language = AnswerLanguage(
        transformers.PreTrainedTokenizerFast(tokenizer_object=poor, unk_token="<unknown>")
    )
    question = questions_of(exploration(0, PLACES).scenario)[0]
    with pytest.raises(ValueError, match="alike"):
        language.single(question.blanks[0])


def questions_of(scenario: Scenario) -> list[Question]:
    tracker = NetworkTracker(scenario)
    return questions(tracker, tracker.begin_interval(500))
