"""Every wording of an intent states its facts."""

import random
import re
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgym.tasks.wording.grammar import MOST_CLAUSES, Clause, first_choice, grammar, phrase

KINDS = sorted(grammar().kinds)
GOALS = [kind for kind in KINDS if grammar().kinds[kind].part == "goal"]
INTERFACE = {
    "slice-delay": {"slice", "label", "bound_ms"},
    "slice-rate": {"slice", "label", "rate_mbps"},
    "slice-loss": {"slice", "label", "percent"},
    "service-link": {"group", "delay_ms", "percent"},
    "task-latency": {"group", "bound_ms"},
    "uav-link": {"uav", "delay_ms", "percent"},
    "fly": {"uav", "place", "within_m"},
    "altitude": {"uav", "altitude_m", "within_m"},
    "formation": {"group", "shape", "place", "within_m", "separation_m"},
    "assign": {"uav", "task", "megacycles"},
    "alert": {"uav", "alert"},
    "sensor": {"uav", "sensor"},
    "protect": {"subjects", "percent"},
    "protect-group": {"group", "rate_mbps"},
    "fence": set[str](),
    "battery": {"uav", "percent"},
    "ask-load": {"slice", "label"},
    "ask-rsrp": {"place"},
    "ask-battery": {"uav"},
    "ask-energy": {"uav", "places"},
    "ask-distance": {"place", "fence"},
    "ask-load-node": {"node"},
    "trouble": {"what"},
    "deadline": {"seconds"},
    "answer-format": {"form"},
}
UNITS = {
    "bound_ms": r" (ms|milliseconds)\b",
    "delay_ms": r" (ms|milliseconds)\b",
    "rate_mbps": r" (Mbit/s|Mbps|megabits per second)",
    "percent": r"( ?%| percent| per cent)",
    "within_m": r" (m|metres)\b",
    "altitude_m": r" (m|metres)\b",
    "separation_m": r" (m|metres)\b",
    "megacycles": r" megacycles",
}
MEANS = ("slice-delay", "service-link", "task-latency", "uav-link")
CEILINGS = (*MEANS, "slice-loss", "fly")
FLOORS = ("slice-rate", "protect", "protect-group", "battery")
LESS = (
    r"\b(below|under|less than|lower than|fewer than|smaller than|closer than|within)\b|< |or less|or lower"
)
MORE = (
    r"at least|more than|above|\bover \{|exceed|higher than|> |upwards|or more|minimum"
    r"|no (less|lower) than|at the least"
)
REACHES = r"\breach\b|rise to|climb to|touch|farther off than"
DENIAL = r"\b(not?|never|neither|nor)\b"


def every(pattern: str) -> Iterator[str]:
    """All texts of a pattern."""
    choice = first_choice(pattern)
    if choice is None:
        yield pattern
        return
    before, options, after = choice
    for option in options:
        yield from every(before + option + after)


def wordings(kind: str) -> Iterator[str]:
    for pattern in grammar().kinds[kind].patterns:
        yield from every(pattern)


def number(rng: random.Random) -> str:
    return str(rng.choice((rng.randint(1, 200), rng.randint(1, 400) / 10)))


def point(rng: random.Random) -> str:
    return f"({rng.randint(-300, 300)}, {rng.randint(-600, 600) / 2:g}, {rng.randint(30, 90)})"


def drawn_clause(kind: str, rng: random.Random) -> Clause:
    """A clause with facts such as those of the scenarios."""
    slice_type, label = rng.choice([("URLLC", "control"), ("URLLC", "robotics"), ("eMBB", "video")])
    words = {
        "slice": slice_type,
        "label": label,
        "uav": f"drone-{rng.randint(1, 6)}",
        "group": rng.choice(["drone", "courier", "robot", "medic"]),
        "place": point(rng),
        "places": f"{point(rng)}, then {point(rng)}",
        "fence": ", ".join(point(rng) for _ in range(4)),
        "shape": rng.choice(["line", "ring", "grid", "wedge"]),
        "task": f"job-{rng.randint(1, 99)}",
        "alert": rng.choice(["low_battery", "link_degraded", "return_to_base"]),
        "sensor": rng.choice(["lidar", "thermal", "camera"]),
        "subjects": rng.choice(["camera", "camera and sensor", "robot, camera and sensor"]),
        "node": rng.choice(["edge-1", "edge-2", "cloud"]),
        "what": rng.choice(
            ["the cell gnb-1 may lose power", "edge-1 will get busy", "handovers fail at times"]
        ),
        "form": rng.choice(["NAME DBM", "NUMBER"]),
    }
    facts = grammar().kinds[kind].facts
    return Clause(kind, {fact: words[fact] if fact in words else number(rng) for fact in facts})


def drawn_phrase(kinds: Sequence[str], rng: random.Random) -> str:
    return phrase([drawn_clause(kind, rng) for kind in kinds], rng)


def rouge_l(first: str, second: str) -> float:
    """ROUGE-L F1 of two texts on lower-case words (Lin 2004)."""
    one, other = (re.findall(r"[a-z0-9]+", text.lower()) for text in (first, second))
    longest = [0] * (len(other) + 1)
    for word in one:
        diagonal = 0
        for column, candidate in enumerate(other, start=1):
            above = longest[column]
            longest[column] = diagonal + 1 if word == candidate else max(above, longest[column - 1])
            diagonal = above
    return 2 * longest[-1] / (len(one) + len(other))


def test_the_grammar_has_every_kind_with_its_facts() -> None:
    assert {kind: set(grammar().kinds[kind].facts) for kind in KINDS} == INTERFACE


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_at_least_fourteen_phrasings_and_none_twice(kind: str) -> None:
    patterns = grammar().kinds[kind].patterns
    assert len(set(patterns)) == len(patterns) >= 14


@pytest.mark.parametrize("kind", KINDS)
def test_each_phrasing_uses_each_fact_of_its_kind_once(kind: str) -> None:
    facts = sorted(grammar().kinds[kind].facts)
    for text in wordings(kind):
        assert sorted(re.findall(r"\{(\w+)\}", text)) == facts, text


@pytest.mark.parametrize("kind", KINDS)
def test_no_phrasing_has_a_digit_a_bracket_or_a_double_space_of_its_own(kind: str) -> None:
    for text in wordings(kind):
        assert re.search(r"\d|[\[\]|]|  | [,.;]|\ba average", text) is None, text


@pytest.mark.parametrize("name", sorted(grammar().fragments))
def test_no_fragment_has_a_digit_or_a_bracket_of_its_own(name: str) -> None:
    for text in every(f"<{name}>"):
        assert re.search(r"\d|[\[\]|]|  ", text) is None, text


@pytest.mark.parametrize("kind", GOALS)
def test_goals_can_be_joined_and_capitalised(kind: str) -> None:
    for text in wordings(kind):
        assert re.match(r"[a-z]|UAV ", text), text
        assert text[-1] not in ".?!:;,", text


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in GOALS])
def test_other_clauses_are_whole_sentences(kind: str) -> None:
    for text in wordings(kind):
        assert re.match(r"[A-Z{`]", text), text
        assert text[-1] in ".?" or text.endswith("\nanswer: {form}"), text


@pytest.mark.parametrize("kind", KINDS)
def test_a_bare_number_is_followed_or_preceded_by_its_unit(kind: str) -> None:
    for text in wordings(kind):
        for fact in UNITS.keys() & set(grammar().kinds[kind].facts):
            assert re.search(rf"\{{{fact}\}}{UNITS[fact]}", text), text


@pytest.mark.parametrize("kind", MEANS)
def test_a_delay_is_always_said_to_be_a_mean(kind: str) -> None:
    for text in wordings(kind):
        assert re.search(r"\b(mean|means|average|averaged)\b", text), text


@pytest.mark.parametrize("kind", CEILINGS)
def test_an_upper_bound_is_never_worded_as_a_lower_one(kind: str) -> None:
    for text in wordings(kind):
        assert re.search(MORE, text) is None, text
        for found in re.finditer(REACHES, text):
            assert re.search(DENIAL, text[: found.end()]), text
        assert re.search(rf"{LESS}|{REACHES}|give or take|tolerance|radius", text), text
        assert re.search(rf"{DENIAL}[^,]*({LESS})", text) is None, text


@pytest.mark.parametrize("kind", FLOORS)
def test_a_lower_bound_is_never_worded_as_an_upper_one(kind: str) -> None:
    for text in wordings(kind):
        for found in re.finditer(LESS, text):
            assert re.search(DENIAL, text[: found.start()]), text
        assert re.search(rf"{MORE}|{LESS}", text), text
        assert re.search(rf"{DENIAL} (more|above|over|exceed|at least)", text) is None, text


def test_a_formation_is_bounded_above_in_distance_and_below_in_separation() -> None:
    near = r"(within|farther off than|more than|less than|radius of|distance to \{place\}) \{within_m\}"
    apart = (
        r"(at least|no less than|minimum distance) \{separation_m\}|\{separation_m\} m or more"
        r"|(none|no pair|never).* (closer|nearer).* than \{separation_m\}"
    )
    for text in wordings("formation"):
        assert re.search(near, text), text
        assert re.search(apart, text), text


@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=MOST_CLAUSES),
    seed=st.integers(0, 2**32),
)
def test_an_intent_holds_every_fact_verbatim_and_the_same_seed_repeats_it(
    kinds: list[str], seed: int
) -> None:
    clauses = [drawn_clause(kind, random.Random(seed + number)) for number, kind in enumerate(kinds)]
    text = phrase(clauses, random.Random(seed))
    for clause in clauses:
        for fact in clause.facts.values():
            assert fact in text
    assert text == phrase(clauses, random.Random(seed))


@given(
    kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=MOST_CLAUSES),
    seed=st.integers(0, 2**32),
)
def test_all_digits_of_an_intent_come_from_its_facts(kinds: list[str], seed: int) -> None:
    clauses = [Clause(kind, dict.fromkeys(grammar().kinds[kind].facts, "blank")) for kind in kinds]
    text = phrase(clauses, random.Random(seed))
    assert text.count("blank") == sum(len(clause.facts) for clause in clauses)
    assert re.search(r"\d", text) is None


@given(seed=st.integers(0, 2**32))
def test_questions_follow_the_goals_and_the_form_of_the_answer_ends_the_intent(seed: int) -> None:
    kinds = ["answer-format", "ask-rsrp", "fly", "trouble", "battery"]
    clauses = [drawn_clause(kind, random.Random(seed)) for kind in kinds]
    clauses[1] = Clause("ask-rsrp", {"place": "(somewhere)"})
    clauses[2] = Clause("fly", {"uav": "drone-1", "place": "(elsewhere)", "within_m": "7"})
    text = phrase(clauses, random.Random(seed))
    last_line = text.splitlines()[-1]
    assert text.index("(elsewhere)") < text.index("(somewhere)") < text.index("answer:")
    assert "answer:" in last_line
    assert clauses[0].facts["form"] in last_line


def test_facts_are_not_read_as_patterns() -> None:
    clause = Clause("ask-rsrp", {"place": "[here|there] <ms> {place}"})
    assert "[here|there] <ms> {place}" in phrase([clause], random.Random(1))


@pytest.mark.parametrize(
    ("clauses", "message"),
    [
        ([], "1 to 24 clauses, not 0"),
        ([Clause("fence", {})] * 25, "1 to 24 clauses, not 25"),
        ([Clause("fance", {})], "no clause 'fance'"),
        ([Clause("alert", {"uav": "drone-1"})], "alert is about uav, alert, not uav"),
        ([Clause("fence", {"uav": "drone-1"})], "fence is about nothing, not uav"),
        ([Clause("ask-battery", {"uav": " "})], "ask-battery needs text for uav"),
    ],
)
def test_what_cannot_be_worded_is_refused(clauses: list[Clause], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        phrase(clauses, random.Random(0))


@pytest.mark.parametrize(
    ("clauses", "most"),
    [(1, 0.08), (3, 0.02), (6, 0.02)],
)
def test_two_intents_of_the_same_kinds_rarely_sound_alike(clauses: int, most: float) -> None:
    rng = random.Random(51)
    pairs = 500
    alike = 0
    for pair in range(pairs):
        kinds = [KINDS[pair % len(KINDS)]] if clauses == 1 else rng.sample(GOALS, clauses)
        alike += rouge_l(drawn_phrase(kinds, rng), drawn_phrase(kinds, rng)) >= 0.7
    assert alike / pairs < most


def test_the_measure_of_likeness_is_one_for_the_same_words_and_nought_for_others() -> None:
    assert rouge_l("Keep drone-1 high.", "keep drone-1 HIGH") == 1
    assert rouge_l("keep it", "let go") == 0
    assert rouge_l("a b c d", "a c") == pytest.approx(2 * 2 / 6)
