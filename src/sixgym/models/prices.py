"""The price of tokens: the user's own prices, else published ones, else unknown."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import cast

import yaml

from sixgym.domain.base import NonNegative, Record
from sixgym.domain.extras import install_command
from sixgym.episodes.messages import Usage
from sixgym.models.chat import ModelUnusableError
from sixgym.models.server.failure import printable

MAX_BYTES = 1_000_000


class PriceFileError(ValueError):
    """A price file cannot be used. The message names the file, the line and the reason."""


class Price(Record):
    """Price of a model, in US dollars per million tokens."""

    prompt_usd_per_million: NonNegative
    completion_usd_per_million: NonNegative

    def cost_usd(self, usage: Usage) -> float:
        """Cost of so many tokens, in US dollars."""
        prompts_usd = usage.prompt_tokens * self.prompt_usd_per_million
        return (prompts_usd + usage.completion_tokens * self.completion_usd_per_million) / 1e6


_FIELDS = " and ".join(Price.model_fields)


class Prices:
    """Prices of models at one server."""

    def __init__(self, own: Mapping[str, Price] = MappingProxyType({}), address: str | None = None) -> None:
        """Prices from two sources.

        Args:
            own: The user's prices, by name of the model; they come first.
            address: Base URL of the server. Published prices are those of its operator, so a model on
                the user's machine has none, whatever it costs elsewhere. None is no server.
        """
        self._own = own
        self._address = address

    def cost_usd(self, usage: Usage, model: str) -> float | None:
        """Cost of so many tokens of a model, in US dollars; None if its price is unknown.

        Cached prompts, which are often cheaper, count as any other.

        Raises:
            ModelUnusableError: the extra `llm`, which has the published prices, is not installed.
        """
        if model in self._own:
            return self._own[model].cost_usd(usage)
        return None if self._address is None else _published_usd(usage, model, self._address)

    def price(self, model: str) -> Price | None:
        """Price of a million tokens in a request of ordinary length; None if it is unknown."""
        prompt_usd = self.cost_usd(Usage(prompt_tokens=1000, completion_tokens=0), model)
        completion_usd = self.cost_usd(Usage(prompt_tokens=0, completion_tokens=1000), model)
        if prompt_usd is None or completion_usd is None:
            return None
        return Price(
            prompt_usd_per_million=1000 * prompt_usd, completion_usd_per_million=1000 * completion_usd
        )


def _published_usd(usage: Usage, model: str, address: str) -> float | None:
    try:
        import genai_prices
    except ImportError:
        sentence = f"published prices need an extra: {install_command('llm')}"
        raise ModelUnusableError(sentence) from None
    tokens = genai_prices.Usage(input_tokens=usage.prompt_tokens, output_tokens=usage.completion_tokens)
    try:
        return float(genai_prices.calc_price(tokens, model, provider_api_url=address).total_price)
    except LookupError:
        return None


def load_prices(path: Path) -> dict[str, Price]:
    """Prices by model from a YAML file.

    The file has a mapping per model, with `prompt_usd_per_million` and `completion_usd_per_million`.

    Raises:
        PriceFileError: the file cannot be read, or an entry is wrong.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise PriceFileError(f"{path}: larger than {MAX_BYTES} bytes; that is no price file")
        root = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise PriceFileError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise PriceFileError(f"{path}: not a UTF-8 text file") from None
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise PriceFileError(f"{path}{line}: {error.problem or 'not valid YAML'}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise PriceFileError(f"{path}: not valid YAML: {type(error).__name__}") from None
    models = _entries(root, path, "a price file is a mapping of models to prices")
    return {model.value: _price(node, path, model.value) for model, node in models}


def _price(node: yaml.Node, path: Path, model: str) -> Price:
    found: dict[str, float] = {}
    for key, value in _entries(node, path, f"{printable(model, 80)}: a price is a mapping of two keys"):
        if key.value not in Price.model_fields:
            raise _error(path, key, f"unknown key {printable(key.value, 80)}; a price has {_FIELDS}")
        found[key.value] = _amount(value, path, key.value)
    missing = [field for field in Price.model_fields if field not in found]
    if missing:
        raise _error(path, node, f"{printable(model, 80)}: {missing[0]} is missing")
    return Price.model_validate(found)


def _amount(node: yaml.Node, path: Path, key: str) -> float:
    try:
        amount = float(node.value) if isinstance(node, yaml.ScalarNode) else math.nan
    except ValueError:
        amount = math.nan
    if not 0 <= amount < math.inf:
        raise _error(path, node, f"{key} is a number of US dollars, at least 0")
    return amount


def _entries(node: yaml.Node | None, path: Path, rule: str) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    """Keys and values of a mapping. Any other node and a repeated key are errors."""
    if not isinstance(node, yaml.MappingNode):
        raise _error(path, node, rule)
    seen: set[str] = set()
    for key, value in cast("list[tuple[yaml.Node, yaml.Node]]", node.value):
        if not isinstance(key, yaml.ScalarNode):
            raise _error(path, key, rule)
        if key.value in seen:
            raise _error(path, key, f"{printable(key.value, 80)} appears twice")
        seen.add(key.value)
        yield key, value


def _error(path: Path, node: yaml.Node | None, reason: str) -> PriceFileError:
    line = 1 if node is None else node.start_mark.line + 1
    return PriceFileError(f"{path}:{line}: {reason}")
