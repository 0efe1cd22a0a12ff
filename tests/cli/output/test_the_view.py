"""What people see: colours by the service level, pictures that do not lie, words that fit a line."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sixgym.cli.output.goals import condition_words
from sixgym.cli.output.plot import ROWS, bars, timelines
from sixgym.cli.output.text import clean, compact, number
from sixgym.cli.output.view import EpisodeView, state_line
from sixgym.domain.intent import Target
from sixgym.domain.slices import SlaSpec
from sixgym.scoring.goals import judge
from tests.episodes.samples import any_state, sample_episode

LATENCY = Target(metric="latency_ms", condition="IS_LESS_THAN", value=40, group="drone")
THROUGHPUT = Target(metric="throughput_mbps", condition="IS_GREATER_THAN", value=2, group="drone")
SLA = SlaSpec.model_validate({"slice": "URLLC", "max_latency_ms": 40, "min_throughput_mbps": 4})


def columns(*values: float) -> list[tuple[int, int]]:
    return [(index, index + 1) for index in range(len(values))]


def heights(target: Target, *values: float) -> list[int]:
    """Rows that each bar reaches."""
    lines = [line.plain[10:] for line in bars(values, target, columns(*values))]
    return [sum(line[index] not in " ┄" for line in lines) for index in range(len(values))]


def styles_of(line: object, text: str) -> set[str]:
    plain, spans = line.plain, line.spans  # type: ignore[attr-defined]
    start = plain.index(text)
    return {str(span.style) for span in spans if span.start <= start < span.end}


def test_the_state_is_green_inside_the_service_level_and_red_outside() -> None:
    before = any_state(latency_ms=10, throughput_mbps=8)
    after = any_state(latency_ms=50, throughput_mbps=2)
    line = state_line(before, after, SLA)
    assert styles_of(line, "10.0 ↗ 50.0 ms") == {"red"}
    assert styles_of(line, "8.00 ↘ 2.00 Mbit/s") == {"red"}
    assert styles_of(state_line(after, before, SLA), "50.0 ↘ 10.0 ms") == {"green"}
    assert styles_of(line, "= 30.0 %") == {"dim"}


def test_a_switched_slice_shows_both() -> None:
    line = state_line(any_state(slice="URLLC"), any_state(slice="eMBB"), SLA)
    assert "URLLC → eMBB" in line.plain


def test_higher_values_have_higher_bars() -> None:
    reached = heights(LATENCY, 5, 20, 80, 1000)
    assert reached == sorted(reached)
    assert reached[0] < reached[-1] == ROWS


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=30), st.sampled_from([LATENCY, THROUGHPUT]))
def test_a_bar_is_red_exactly_when_the_target_was_missed(values: list[float], target: Target) -> None:
    lines = list(bars(values, target, columns(*values)))
    assert len(lines) == ROWS
    bottom = lines[-1]
    for index, value in enumerate(values):
        (style,) = {str(span.style) for span in bottom.spans if span.start <= 10 + index < span.end}
        assert style == ("green" if target.met_by(value) else "red")


@pytest.mark.parametrize("target", [LATENCY, THROUGHPUT])
def test_a_column_of_several_intervals_shows_the_worst(target: Target) -> None:
    values = [1.0, 1.0, 100.0, 1.0]
    bottom = list(bars(values, target, [(0, 4)]))[-1]
    assert "red" in {str(span.style) for span in bottom.spans}


def test_bars_for_a_threshold_of_zero_are_drawn_linearly() -> None:
    target = Target(metric="loss_ratio", condition="IS_GREATER_THAN", value=0, group="drone")
    assert len(list(bars([0.0, 0.0], target, columns(0, 0)))) == ROWS


@pytest.mark.parametrize("horizon", [1, 4, 40, 300])
@pytest.mark.parametrize("width", [20, 60, 100, 200])
def test_the_picture_fits_the_width(horizon: int, width: int) -> None:
    episode = sample_episode()
    intervals = (episode.remainder * 12)[: max(horizon - 3, 0)]
    longer = episode.model_copy(update={"remainder": intervals})
    for line in timelines(longer, judge(longer), width):
        if line.plain.strip() and line.plain[:10].strip() and "of " not in line.plain:
            assert len(line.plain) <= width


def test_a_terminal_gets_the_same_words_in_colour() -> None:
    episode = sample_episode()
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=110, color_system="standard")
    with EpisodeView(console, episode.task) as view:
        view.header(episode.agent, episode.backend)
        for step in episode.steps:
            view.step(step)
        for interval in episode.remainder:
            view.interval(interval)
        view.verdict(episode, judge(episode))
    shown = screen.getvalue()
    assert "\x1b[" in shown
    for words in ("check_network_state", "FAULT", "the network runs on", "service level", "state"):
        assert words in shown
    assert shown.rstrip().endswith("╯\x1b[0m")


@given(st.text())
def test_clean_text_is_one_printable_line(text: str) -> None:
    assert clean(text).isprintable()
    assert len(clean(text, 10)) <= 10


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(JSON)
def test_any_json_value_fits_a_line(value: object) -> None:
    shown = compact(value, 60)  # type: ignore[arg-type]
    assert len(shown) <= 60
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (0.004, "0"), (1.234, "1.23"), (12.34, "12.3"), (1234.5, "1234")]
)
def test_numbers_have_about_three_digits(value: float, shown: str) -> None:
    assert number(value) == shown


def test_a_target_reads_as_a_sentence() -> None:
    assert condition_words(LATENCY) == "delay of drone < 40 ms"
    loss = Target.model_validate(
        {"metric": "loss_ratio", "condition": "IS_LESS_THAN", "value": 0.01, "slice": "mMTC"}
    )
    assert condition_words(loss) == "loss of slice mMTC < 1 %"


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        ("traffic_share", 0.5 - 0.001, "allowed traffic of drone ≥ 50 %"),
        ("traffic_share", 0.1 - 0.001, "allowed traffic of drone ≥ 10 %"),
        ("traffic_share", 0.5, "allowed traffic of drone > 50 %"),
        ("traffic_share", 0.498, "allowed traffic of drone > 49.8 %"),
        ("battery_percent", 30 - 0.001, "battery of drone ≥ 30 %"),
        ("battery_percent", 29.5, "battery of drone > 29.5 %"),
        ("throughput_mbps", 3.999, "throughput of drone > 3.999 Mbit/s"),
    ],
)
def test_at_least_is_said_of_a_percentage_that_is_strict_by_a_hair(
    metric: str, value: float, shown: str
) -> None:
    owner = "device" if metric == "battery_percent" else "group"
    target = {"metric": metric, "condition": "IS_GREATER_THAN", "value": value, owner: "drone"}
    assert condition_words(Target.model_validate(target)) == shown


def test_what_is_judged_names_constraints() -> None:
    episode = sample_episode()
    goal = episode.task.goal.model_copy(
        update={"constraints": (Target(metric="breaches", condition="IS_LESS_THAN", value=1),)}
    )
    screen = io.StringIO()
    with EpisodeView(Console(file=screen, width=500), episode.task.model_copy(update={"goal": goal})) as view:
        view.header(episode.agent, episode.backend)
    (judged,) = (line for line in screen.getvalue().splitlines() if line.startswith("judged by"))
    assert judged.endswith("; UAVs out of bounds < 1 in every interval")
