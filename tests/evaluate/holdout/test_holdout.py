import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgym.episodes.task import make_task
from sixgym.evaluate.holdout.overlap import BLOCK, nearest, rouge_l
from sixgym.evaluate.holdout.report import (
    HoldoutError,
    HoldoutReport,
    Text,
    benchmark_texts,
    check_holdout,
    contaminated,
    read_texts,
    to_markdown,
)
from sixgym.evaluate.holdout.separability import separability
from sixgym.evaluate.holdout.texts import words
from sixgym.scenarios import load_scenario
from sixgym.tasks.record import BenchTask

KEEP = "Keep the delay of the inspection drones below 40 ms while a cell fails."
NEAR = "Keep the delay of the inspection drones below 30 ms while the cell fails."
FAR = "Move every camera's video to the edge node with the most free memory."


def texts(*contents: str, seed: int | None = None) -> list[Text]:
    return [Text(id=f"x-{place}", text=content, seed=seed) for place, content in enumerate(contents)]


def sentences(count: int, vocabulary: str, seed: int) -> list[str]:
    """Different texts of the same kind: random words."""
    draw = random.Random(seed)
    return [" ".join(draw.choices(vocabulary.split(), k=12)) for _ in range(count)]


def longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    """The textbook's dynamic programme."""
    lengths = [0] * (len(second) + 1)
    for a in first:
        previous = 0
        for place, b in enumerate(second, 1):
            previous, lengths[place] = (
                lengths[place],
                previous + 1 if a == b else max(lengths[place], lengths[place - 1]),
            )
    return lengths[-1]


def test_rouge_l_agrees_with_the_example_of_its_paper() -> None:
    """Lin 2004, section 3.1: 3 of 4 words in order, then 2 of 4."""
    scores = rouge_l(["police killed the gunman"], ["police kill the gunman", "the gunman kill police"])
    assert scores.tolist() == [[0.75, 0.5]]


def test_rouge_l_hears_words_and_not_case_or_punctuation() -> None:
    assert rouge_l(["Slice eMBB: 2 Mbit/s!"], ["slice embb 2 mbit s"]).tolist() == [[1]]
    assert rouge_l(["", "?!"], ["", "slice"]).tolist() == [[0, 0], [0, 0]]


WORDS = ["keep", "the", "delay", "of", "gnb-1", "Ünter", "low"]
PHRASES = st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join)


@given(st.lists(PHRASES, min_size=1, max_size=4), st.lists(PHRASES, min_size=1, max_size=4))
def test_rouge_l_is_twice_the_common_words_over_all_words(first: list[str], second: list[str]) -> None:
    scores = rouge_l(first, second)
    for row, a in enumerate(map(words, first)):
        for column, b in enumerate(map(words, second)):
            expected = 2 * longest_common(a, b) / (len(a) + len(b)) if a or b else 0
            assert scores[row, column] == pytest.approx(expected)


def test_a_near_copy_is_found_and_another_wish_is_not() -> None:
    found = contaminated([FAR, KEEP], ["Report the load of the cell.", NEAR, NEAR])
    assert [(overlap.id, overlap.nearest_id, overlap.matches) for overlap in found] == [("1", "1", 2)]
    assert found[0].rouge_l == pytest.approx(12 * 2 / 28)
    assert found[0].nearest_excerpt == NEAR


def test_a_text_at_the_threshold_is_contaminated() -> None:
    pair = ["a b c d e f g x y z"], ["a b c d e f g u v w"]
    assert [overlap.rouge_l for overlap in contaminated(*pair)] == [0.7]
    assert contaminated(*pair, threshold=0.71) == []


def test_copies_are_found_wherever_they_are_among_many_texts() -> None:
    others = [f"text number {place} of others" for place in range(2 * BLOCK + 1)]
    for place in (0, BLOCK - 1, BLOCK, 2 * BLOCK):
        training = [*others[:place], KEEP, *others[place + 1 :]]
        assert [overlap.nearest_id for overlap in contaminated([FAR, KEEP], training)] == [str(place)]


def test_nothing_is_contaminated_by_nothing() -> None:
    assert contaminated([KEEP], []) == []
    assert contaminated([], [KEEP]) == []


@pytest.mark.parametrize("threshold", [0, -0.1, 1.1])
def test_a_threshold_that_is_none_is_an_error(threshold: float) -> None:
    with pytest.raises(HoldoutError, match="threshold"):
        contaminated([KEEP], [NEAR], threshold)


def test_long_texts_are_quoted_in_part() -> None:
    (found,) = nearest(texts("word " * 500), texts("word " * 400))
    assert len(found.excerpt) == 160
    assert found.excerpt.endswith("…")


def test_two_vocabularies_are_told_apart_and_one_is_not() -> None:
    apart = separability(sentences(60, "slice delay drone", 1), sentences(200, "edge camera queue", 2))
    same = separability(
        sentences(60, "slice delay drone edge", 1), sentences(200, "slice delay drone edge", 2)
    )
    assert apart is not None
    assert same is not None
    assert (apart.texts, apart.balanced_accuracy) == (60, 1)
    assert apart.ci95[0] > apart.chance_ci95[1]
    assert same.ci95[0] < 0.5 < same.ci95[1]
    assert same.chance == pytest.approx(0.5, abs=0.03)


def test_a_seed_repeats_the_probe_and_another_draws_other_texts() -> None:
    kinds = sentences(40, "slice delay drone edge", 1), sentences(300, "slice delay queue edge", 2)
    assert separability(*kinds, seed=4) == separability(*kinds, seed=4)
    assert separability(*kinds, seed=4) != separability(*kinds, seed=5)


def test_a_text_that_is_repeated_is_one_text() -> None:
    assert separability([KEEP] * 100, sentences(100, "edge camera queue", 2)) is None


def test_seeds_on_the_wrong_side_are_named() -> None:
    benchmark = [*texts(KEEP, seed=51), Text(id="wrong", text=FAR, seed=7), Text(id="none", text=FAR)]
    training = [Text(id="leak", text="Report.", seed=80), *texts("Say which cell is full.")]
    report = check_holdout(benchmark, training)
    assert [(found.id, found.seed, found.required) for found in report.misplaced] == [
        ("wrong", 7, "held_out"),
        ("none", None, "held_out"),
        ("leak", 80, "training"),
    ]
    assert report.unknown_training_seeds == 1
    assert not report.held_out


def test_a_benchmark_that_is_held_out_says_so() -> None:
    report = check_holdout(texts(KEEP, seed=60), texts(FAR, "Report the load.", seed=3))
    assert report.held_out
    assert (report.benchmark_seeds, report.training_seeds, report.overlaps) == ((60,), (3,), ())
    assert "Held out." in to_markdown(report)
    assert "too few distinct texts" in to_markdown(report)


def test_the_worst_copy_comes_first_in_the_report() -> None:
    report = check_holdout(texts(NEAR, FAR, KEEP, seed=60), texts(KEEP + " | now", seed=3))
    assert [overlap.id for overlap in report.overlaps] == ["x-2", "x-0"]
    assert report.nearest_max == report.overlaps[0].rouge_l
    rendered = to_markdown(report)
    assert rendered.index("x-2") < rendered.index("x-0")
    assert "\\| now" in rendered
    assert HoldoutReport.model_validate_json(report.model_dump_json()) == report


def test_a_report_gives_the_probe_with_its_interval_and_chance() -> None:
    kinds = sentences(20, "slice delay drone edge", 1), sentences(30, "slice delay drone edge", 2)
    rendered = to_markdown(check_holdout(texts(*kinds[0], seed=60), texts(*kinds[1], seed=3), threshold=1))
    assert "20 distinct texts of each kind" in rendered
    assert "by chance" in rendered


def test_there_is_nothing_to_say_without_texts() -> None:
    with pytest.raises(HoldoutError, match="no training texts"):
        check_holdout(texts(KEEP), [])
    with pytest.raises(HoldoutError, match="no benchmark texts"):
        check_holdout([], texts(KEEP))


def test_a_benchmark_task_brings_its_intent_and_seed() -> None:
    task = make_task(load_scenario("uav-inspection"), seed=55)
    bench = BenchTask.model_construct(task=task)
    assert benchmark_texts([bench]) == [
        Text(id=task.id, text=task.intent, seed=task.scenario.topology_seed),
    ]


def test_json_lines_and_plain_lines_are_read(tmp_path: Path) -> None:
    lines = tmp_path / "corpus.jsonl"
    entries = [{"text": KEEP, "seed": 4, "reward": 1}, {"intent": FAR, "seed": None}]
    lines.write_text("\n".join(map(json.dumps, entries)) + "\n\n", encoding="utf-8")
    assert read_texts(lines) == [
        Text(id="corpus.jsonl:1", text=KEEP, seed=4),
        Text(id="corpus.jsonl:2", text=FAR),
    ]
    plain = tmp_path / "corpus.txt"
    plain.write_text(f"{KEEP}\r\n\n{FAR}", encoding="utf-8")
    assert [(text.id, text.text) for text in read_texts(plain)] == [
        ("corpus.txt:1", KEEP),
        ("corpus.txt:3", FAR),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"text": "x"}\n{', "a.jsonl:2: no JSON"),
        ("a.jsonl", "[1]", "a.jsonl:1: not a JSON object"),
        ("a.jsonl", '{"prompt": "x"}', "neither `text` nor `intent`"),
        ("a.jsonl", '{"text": "x", "seed": "7"}', "`seed` is not a whole number"),
        ("a.jsonl", '{"text": "x", "seed": true}', "`seed` is not a whole number"),
        ("a.txt", "\n \n", "no texts"),
        ("a.csv", "x", r"\.jsonl or a \.txt"),
        ("a.txt", b"\xff\xfe", "utf-8"),
    ],
)
def test_a_file_that_holds_no_texts_says_where(
    tmp_path: Path, name: str, content: str | bytes, message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(HoldoutError, match=message):
        read_texts(path)


def test_a_file_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(HoldoutError, match="No such file"):
        read_texts(tmp_path / "none.txt")


@pytest.mark.parametrize("missing", ["rapidfuzz", "sklearn"])
def test_a_missing_library_is_one_clear_error(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(HoldoutError, match=r"pip install .*rapidfuzz.*scikit-learn"):
        check_holdout(texts(KEEP), texts(FAR))
