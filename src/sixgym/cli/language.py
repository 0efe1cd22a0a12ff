"""From the options about a language model to an agent that asks the model."""

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast, get_args

import typer
from pydantic import ValidationError

from sixgym.agents.imported import is_imported
from sixgym.agents.llm.prompt import CallStyle
from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.registry import AGENTS, MODEL_AGENTS
from sixgym.agents.rules.reference import REFERENCE
from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.domain.base import Record
from sixgym.models.budget import Budget, BudgetedModel
from sixgym.models.chat import ChatModel, ModelUnusableError, Sampling
from sixgym.models.local.model import LocalModel
from sixgym.models.prices import Price, PriceFileError, Prices, load_prices
from sixgym.models.server.client import ServerModel, ServerSettings
from sixgym.tools.base import explain

RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """The options of `sixgym run` and `sixgym bench` about a language model, unchecked.

    Attributes:
        model: Name of the model at a server, or a folder with a checkpoint; None is no language model.
        base_url: Address of the server.
        style: How the model calls tools; None is `native` for a server and `text` for a folder.
        temperature, max_tokens: How replies are sampled.
        budget_tokens, budget_usd: Limits of what the command may spend.
        prices: File with prices.
        timeout_s: Longest time for a request and its whole reply, in seconds.
    """

    model: str | None = None
    base_url: str | None = None
    style: str | None = None
    temperature: float = 0.0
    max_tokens: int = 2048
    budget_tokens: int | None = None
    budget_usd: float | None = None
    prices: Path | None = None
    timeout_s: float = 180.0


NO_MODEL = ModelOptions()


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """A language model that is ready for requests.

    Attributes:
        react: The model and how an agent asks it.
        price: Price of the model's tokens, where it is known.
        refused: Returns the request parameters that the server has refused so far.
        digest: Returns the SHA-256 of a checkpoint in a folder, whose name says little; it reads the whole
            folder. None for a model at a server.
    """

    react: ReactAgent
    price: Price | None
    refused: Callable[[], Collection[str]] = tuple
    digest: Callable[[], str] | None = None


@contextmanager
def language(agent: str, options: ModelOptions, *, at_once: int = 1) -> Generator[ChosenModel | None]:
    """The language model of an agent, closed at the end; None for an agent that asks no model.

    Args:
        agent: Name of the agent.
        options: The options about the model.
        at_once: Largest number of requests at the same time.

    Raises:
        CommandError: the options do not fit the agent or one another, or the model cannot be used.
    """
    if agent not in MODEL_AGENTS:
        if agent in {*AGENTS, REFERENCE} or is_imported(agent):
            _refuse_for(agent, options)
        yield None  # an unknown name is refused where the agent is made
        return
    if not options.model:
        raise CommandError(
            f"--agent {agent} asks a language model: --model NAME --base-url URL, or --model FOLDER",
            WRONG_USE,
        )
    try:
        found = _language(options, at_once)
    except ModelUnusableError as error:
        raise CommandError(str(error), WORK_FAILED) from None
    try:
        yield found
    finally:
        found.react.model.close()
        if "temperature" in found.refused():
            typer.echo(
                f"sixgym: note: the server refuses a temperature for {found.react.model.name}: "
                "its replies were sampled with the server's own setting, and may differ the next time",
                err=True,
            )


def _refuse_for(agent: str, options: ModelOptions) -> None:
    if options != NO_MODEL:
        raise CommandError(
            f"{agent} asks no language model: leave out --model and its options, "
            f"or take --agent {' or '.join(MODEL_AGENTS)}",
            WRONG_USE,
        )


def _language(options: ModelOptions, at_once: int) -> ChosenModel:
    assert options.model is not None
    local = _is_local(options.model, options.base_url)
    style = _style(options.style, local=local)
    own: dict[str, Price] = {}
    if options.prices is not None:
        with wrong_use_on(PriceFileError):
            own = load_prices(options.prices)
    model: ChatModel
    refused: Callable[[], Collection[str]] = tuple
    digest: Callable[[], str] | None = None
    if local:
        model = folder = LocalModel(Path(options.model))
        prices, digest = Prices(own), folder.digest
    else:
        model = server = _server(options, at_once)
        prices, refused = Prices(own, server.address), lambda: server.unsupported
    price = prices.price(model.name)
    budget = _checked(Budget, max_tokens=options.budget_tokens, max_cost_usd=options.budget_usd)
    if budget != Budget():
        model = BudgetedModel(model, budget, prices)
    sampling = Sampling(temperature=options.temperature, max_tokens=options.max_tokens)
    return ChosenModel(ReactAgent(model, sampling, style), price, refused, digest)


def _is_local(model: str, base_url: str | None) -> bool:
    """Whether the model is a folder: one that exists, or a name that can only be a path."""
    if base_url is not None:
        return False
    if model.startswith((".", "/", "~")):
        return True
    try:
        return Path(model).is_dir()
    except OSError:  # a name too long for a folder
        return False


def _style(asked: str | None, *, local: bool) -> CallStyle:
    if asked is None:
        return "text" if local else "native"
    if asked not in get_args(CallStyle):
        raise CommandError(f"--style is {' or '.join(get_args(CallStyle))}, not {asked!r:.40}", WRONG_USE)
    if local and asked == "native":
        raise CommandError("--style native needs a server; a checkpoint in a folder writes text", WRONG_USE)
    return cast("CallStyle", asked)


def _server(options: ModelOptions, at_once: int) -> ServerModel:
    return ServerModel(
        _checked(
            ServerSettings,
            model=options.model,
            base_url=options.base_url,
            timeout_s=options.timeout_s,
            most_in_flight=at_once,
        )
    )


def _checked(kind: type[RecordT], **values: object) -> RecordT:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise CommandError(explain(error), WRONG_USE) from None
