"""Grading final answers: people and language models write numbers and names in many ways."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixgym.domain.intent import Answer, Measurand
from sixgym.scoring.answers import names_in, numbers_in, says, stated

CELLS = ("gnb-1", "gnb-2", "gnb-3")
LOAD = Answer(number=12.5, tolerance=0.1)
LEVEL = Answer(name="gnb-2", candidates=CELLS, number=-83.4, tolerance=1.0)
COUNT = Answer(number=1025)
untimed = settings(deadline=None)
BATTERY = Answer(measured=Measurand(metric="battery_percent", device="drone-1"), tolerance=0.5)


@pytest.mark.parametrize(
    "text",
    [
        "12.5",
        "answer: 12.5",
        "answer: 12.50 Mbit/s",
        "answer: +12.5 Mbps.",
        "Answer = 12.5",
        "FINAL ANSWER: 12.5",
        "**Answer:** 12.5 Mbit/s",
        "**Answer: 12.5**",
        "answer: **12.5** Mbit/s",
        "> `answer: 12.5`",
        "- answer: ~12.5 Mbit/s",
        "answer: $12.5\\,\\text{Mbit/s}$",
        "answer: \\boxed{12.5}",
        '{"answer": 12.5}',
        '{"answer": "12.5 Mbit/s"}',
        "answer:12.5Mbit/s",
        "Slice eMBB carries 3 flows, measured over 8 intervals.\nanswer: 12.5",
        "answer: 12.5\n\nAll 4 UAVs were left alone.",
        "The downlink load is 12.5 Mbit/s.",
        "answer: eMBB is offered 12.5 Mbit/s (that is, 12.50 Mbit/s)",
    ],
)
def test_a_right_number_is_found_however_it_is_written(text: str) -> None:
    assert says(LOAD, text, ())


@pytest.mark.parametrize(
    "text",
    [
        "answer: gnb-2 -83.4",
        "answer: gnb-2, -83.4",
        "answer: gnb-2 (-83.4 dBm)",
        "answer: gnb-2: -83.4dBm",
        "answer: -83.4 dBm from gnb-2.",
        "answer: GNB-2 \u221283.4 dBm",
        "answer: `gnb-2` **-83.4**",
        "answer: gnb-2, RSRP = -83.4 dBm",
        "answer: gnb-2's level is -83.4 dBm",
        '{"answer": {"cell": "gnb-2", "rsrp_dbm": -83.4}}',
        "gnb-1 and gnb-3 are at -97 and -101.\nanswer: gnb-2 -83.4",
    ],
)
def test_a_right_name_and_number_are_found_in_any_order_and_dress(text: str) -> None:
    assert says(LEVEL, text, ())


@pytest.mark.parametrize(
    "text", ["1025", "1025.0", "1,025", "1\u00a0025", "1\u202f025", "1'025", "+1,025.00"]
)
def test_thousands_may_be_separated(text: str) -> None:
    assert says(COUNT, f"answer: {text} megacycles", ())


@pytest.mark.parametrize("text", ["answer: 87.2 %", "answer: 87.2%", "answer: drone-1 has 87.2 percent left"])
def test_percent_may_be_written_in_any_way(text: str) -> None:
    assert says(BATTERY, text, [87.0, 87.3])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "answer:",
        "answer: unknown",
        "answer: 12.7",
        "answer: -12.5",
        "answer: 12 or 12.5",
        "answer: 12.4, 12.5, 12.6",
        "answer: 0-100",
        "answer: between 10 and 15",
        "answer: " + " ".join(str(number / 10) for number in range(1000)),
        "answer: 12.5\nanswer: 99",
        "12.5 is what I thought first\nanswer: 13",
        "answer: load-12.5",
        "answer: nan",
        "answer: inf",
        "answer: 1e999",
    ],
)
def test_guesses_ranges_and_wrong_numbers_are_no_answer(text: str) -> None:
    assert not says(LOAD, text, ())


@pytest.mark.parametrize(
    "text",
    [
        "answer: -83.4",
        "answer: gnb-2",
        "answer: gnb-1 -83.4",
        "answer: gnb-1 gnb-2 gnb-3 -83.4",
        "answer: gnb-2 or gnb-3, -83.4",
        "answer: gnb-2 83.4",
        "answer: gnb-20 -83.4",
        "answer: xgnb-2 -83.4",
        "answer: gnb-2 -83.4\nanswer: gnb-1 -83.4",
    ],
)
def test_a_missing_or_second_or_other_name_is_no_answer(text: str) -> None:
    assert not says(LEVEL, text, ())


def test_no_text_is_no_answer() -> None:
    assert not says(LOAD, None, ())
    assert not says(LEVEL, None, ())


@pytest.mark.parametrize(("said", "right"), [(86.4, False), (86.6, True), (87.7, True), (87.9, False)])
def test_a_measured_number_lies_between_lowest_and_highest_give_or_take_the_tolerance(
    said: float, right: bool
) -> None:
    assert says(BATTERY, f"answer: {said}", [87.0, 87.3, 87.1]) is right


def test_without_a_measurement_no_number_is_right() -> None:
    assert not says(BATTERY, "answer: 87", [])


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("answer: 1.25e1", 12.5, id="an exponent"),
        pytest.param("answer: 125E-1 Mbit/s", 12.5, id="a negative exponent"),
        pytest.param("answer: .5", 0.5, id="no leading zero"),
        pytest.param("answer:\n12.5 Mbit/s", 12.5, id="on the line after the label"),
        pytest.param("**Answer:**\n\n**12.5**\n", 12.5, id="after the label in bold and an empty line"),
        pytest.param("answer: \u201383.4 dBm", -83.4, id="an en dash for a minus"),
        pytest.param("answer: \u201183.4 dBm", -83.4, id="a hyphen that does not break for a minus"),
    ],
)
def test_what_language_models_write_is_read_as_it_is_meant(text: str, number: float) -> None:
    assert says(Answer(number=number, tolerance=0.01), text, ())


@pytest.mark.parametrize("text", ["answer: 12.5e3", "answer: 12.5E-2"])
def test_a_number_with_an_exponent_is_not_its_mantissa(text: str) -> None:
    assert not says(LOAD, text, ())


def test_a_name_may_be_written_with_a_hyphen_that_does_not_break() -> None:
    assert says(LEVEL, "answer: gnb\u20112 \u221283.4 dBm", ())


# ---------------------------------------------------------------------- any text
numbers = st.floats(-1e6, 1e6, allow_nan=False).map(lambda value: round(value, 3))


@untimed
@given(number=numbers, label=st.sampled_from(["answer:", "Answer:", "**Answer:**", "final answer =", ""]))
def test_every_number_that_is_written_down_is_read_back(number: float, label: str) -> None:
    assert says(Answer(number=number), f"{label} {number:.3f} dBm", ())
    assert says(Answer(number=number), f"{label} {number:,.3f}.", ())


@untimed
@given(number=numbers, other=numbers)
def test_a_second_number_spoils_the_answer(number: float, other: float) -> None:
    assert says(Answer(number=number), f"answer: {number:.3f} or {other:.3f}", ()) is (number == other)


@untimed
@given(name=st.sampled_from(CELLS), end=st.sampled_from(["", ".", ",", "!", ")", "**", "-", "_", ":"]))
def test_names_are_found_in_any_case_and_before_any_punctuation(name: str, end: str) -> None:
    for text in (name, name.upper(), name.title()):
        assert names_in(f"it is ({text}{end} I think", CELLS) == {name}


@untimed
@given(name=st.from_regex(r"[a-z]{1,8}-[0-9]{1,4}", fullmatch=True))
def test_digits_in_names_are_no_numbers(name: str) -> None:
    assert numbers_in(f"{name}: 7") == {7.0}


@untimed
@given(text=st.text(max_size=400), asked=st.sampled_from([LOAD, LEVEL, COUNT, BATTERY]))
def test_any_text_is_judged_without_an_error(text: str, asked: Answer) -> None:
    assert says(asked, text, [50.0]) in {True, False}
    assert says(asked, f"answer: {text}", [50.0]) in {True, False}


@untimed
@given(st.text(alphabet="0123456789.,eE+-\u2212' \u00a0", max_size=200))
def test_any_heap_of_digits_is_judged_without_an_error(text: str) -> None:
    assert says(LOAD, text, ()) in {True, False}


@pytest.mark.parametrize("unit", ["9", "1,", "answer", "a-", "* ", "answer: 7\n", "- ", "1e", "\u0663"])
def test_a_huge_text_is_judged_without_an_error(unit: str) -> None:
    assert says(LOAD, unit * 50_000, ()) is False


@untimed
@given(before=st.text(alphabet="abc 123\n", max_size=40))
def test_the_last_labelled_line_counts_whatever_stands_before(before: str) -> None:
    assert stated(f"answer: 1\n{before}\nanswer: 2").strip() == "2"
