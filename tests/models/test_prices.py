from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixgym.episodes.messages import Usage
from sixgym.models.prices import Price, PriceFileError, Prices, load_prices

MILLION_AND_TWO = Usage(prompt_tokens=1_000_000, completion_tokens=2_000_000)
OPENAI = "https://api.openai.com/v1"


def price_file(folder: Path, text: str) -> Path:
    path = folder / "prices.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_price_file_prices_prompts_and_completions_apart(tmp_path: Path) -> None:
    path = price_file(
        tmp_path, "org/our-model:7b:\n  prompt_usd_per_million: 0.5\n  completion_usd_per_million: 3\n"
    )
    prices = Prices(load_prices(path))
    assert prices.cost_usd(MILLION_AND_TWO, "org/our-model:7b") == pytest.approx(6.5)


def test_the_users_price_comes_before_the_published_one() -> None:
    own = {"gpt-4o-mini": Price(prompt_usd_per_million=100, completion_usd_per_million=0)}
    assert Prices(own, OPENAI).cost_usd(MILLION_AND_TWO, "gpt-4o-mini") == pytest.approx(100)


def test_a_hosted_model_has_its_published_price() -> None:
    cost_usd = Prices(address=OPENAI).cost_usd(MILLION_AND_TWO, "gpt-4o-mini")
    assert cost_usd is not None
    assert 0.1 < cost_usd < 10


@pytest.mark.parametrize(
    ("model", "address"),
    [
        ("no-such-model-at-all", OPENAI),
        ("gpt-4o-mini", "http://127.0.0.1:8000/v1"),
        ("gpt-4o-mini", None),
    ],
)
def test_a_model_that_nobody_has_a_price_for_costs_nobody_knows_what(model: str, address: str | None) -> None:
    assert Prices(address=address).cost_usd(MILLION_AND_TWO, model) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", ":1: a price file is a mapping of models"),
        ("- a\n", ":1: a price file is a mapping of models"),
        ("m: 3\n", ":1: m: a price is a mapping"),
        ("? [a]\n: 1\n", ":1: a price file is a mapping of models"),
        ("\nm:\n  prompt_usd_per_million: 1\n", ":3: m: completion_usd_per_million is missing"),
        ("m:\n  prompt_usd_per_million: 1\n  input: 2\n", ":3: unknown key input"),
        (
            "m:\n  completion_usd_per_million: 1\n  prompt_usd_per_million: cheap\n",
            ":3: prompt_usd_per_million is a number",
        ),
        ("m:\n  prompt_usd_per_million: -1\n", ":2: prompt_usd_per_million is a number"),
        ("m:\n  prompt_usd_per_million: .inf\n", ":2: prompt_usd_per_million is a number"),
        ("m:\n  prompt_usd_per_million: inf\n", ":2: prompt_usd_per_million is a number"),
        ("m:\n  prompt_usd_per_million: [1]\n", ":2: prompt_usd_per_million is a number"),
        (
            "m:\n  prompt_usd_per_million: 1\n  prompt_usd_per_million: 2\n",
            ":3: prompt_usd_per_million appears",
        ),
        ("m: {prompt_usd_per_million: 1, completion_usd_per_million: 2}\nm: {}\n", ":2: m appears twice"),
        ("m: [\n", ":2: "),
        ("m: *nobody\n", ":1: found undefined alias"),
        ("\x1b[2Jm", "not valid YAML"),
        ("[" * 5000, "not valid YAML"),
    ],
)
def test_a_wrong_price_file_is_an_error_with_its_place(tmp_path: Path, text: str, problem: str) -> None:
    path = price_file(tmp_path, text)
    with pytest.raises(PriceFileError) as caught:
        load_prices(path)
    assert str(caught.value).startswith(str(path))
    assert problem in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_price_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PriceFileError, match="cannot be read"):
        load_prices(tmp_path / "nowhere.yaml")


def test_a_price_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PriceFileError, match="UTF-8"):
        load_prices(path)


@given(text=st.text(max_size=60))
def test_any_text_is_prices_or_a_price_file_error(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode("utf-8"))
    try:
        prices = load_prices(path)
    except PriceFileError:
        return
    assert all(price.prompt_usd_per_million >= 0 for price in prices.values())
