"""The options about a language model, made into an agent that asks it."""

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
from sixgym.cli.errors import WORK_FAILED, WRONG_USE, CommandError, wrong_use_on
from sixgym.cli.options import REFERENCE
from sixgym.domain.base import Record
from sixgym.models.budget import Budget, BudgetedModel
from sixgym.models.chat import ChatModel, ModelUnusableError, Sampling
from sixgym.models.local.model import LocalModel
from sixgym.models.prices import Price, PriceFileError, Prices, load_prices
from sixgym.models.server.client import ServerModel, ServerSettings
from sixgym.tools.base import explain

RecordT = TypeVar("RecordT", bound=Record)


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """What the command line asked for, unchecked.

    Attributes:
        model: Its name at a server, or a folder with a checkpoint; None is no language model.
        base_url: Of the server.
        style: How it calls tools; None is what fits.
        temperature, max_tokens: How replies are drawn.
        budget_tokens, budget_usd: What may be spent.
        prices: File with prices.
        timeout_s: For a request and its whole reply.
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


NO_MODEL = ModelRequest()


@dataclass(frozen=True, slots=True)
class ChosenModel:
    """A language model that is ready to be asked.

    Attributes:
        react: The model and how it is asked.
        price: Of its tokens, where it is known.
        refused: Parameters that the server has refused so far.
        digest: Of a checkpoint in a folder, whose name says little; it reads all of the folder.
    """

    react: ReactAgent
    price: Price | None
    refused: Callable[[], Collection[str]] = tuple
    digest: Callable[[], str] | None = None


@contextmanager
def language(agent: str, request: ModelRequest, *, at_once: int = 1) -> Generator[ChosenModel | None]:
    """The language model of an agent, closed afterwards; None for an agent that asks none.

    Args:
        agent: The agent as a user types it.
        request: What the command line says about the model.
        at_once: Most requests at a time.

    Raises:
        CommandError: the options do not fit the agent or each other, or the model cannot be used.
    """
    if agent not in MODEL_AGENTS:
        if agent in {*AGENTS, REFERENCE} or is_imported(agent):
            _refuse_for(agent, request)
        yield None  # whoever makes the agent says that there is none of that name
        return
    if not request.model:
        raise CommandError(
            f"--agent {agent} asks a language model: --model NAME --base-url URL, or --model FOLDER",
            WRONG_USE,
        )
    try:
        found = _language(request, at_once)
    except ModelUnusableError as error:
        raise CommandError(str(error), WORK_FAILED) from None
    try:
        yield found
    finally:
        found.react.model.close()
        if "temperature" in found.refused():
            typer.echo(
                f"sixgym: note: the server refuses a temperature for {found.react.model.name}: "
                "its replies were drawn as it likes, and may differ the next time",
                err=True,
            )


def _refuse_for(agent: str, request: ModelRequest) -> None:
    if request != NO_MODEL:
        raise CommandError(
            f"{agent} asks no language model, so --model and its options say nothing; "
            f"{' and '.join(MODEL_AGENTS)} ask one",
            WRONG_USE,
        )


def _language(request: ModelRequest, at_once: int) -> ChosenModel:
    assert request.model is not None
    local = _is_local(request.model, request.base_url)
    style = _style(request.style, local=local)
    own: dict[str, Price] = {}
    if request.prices is not None:
        with wrong_use_on(PriceFileError):
            own = load_prices(request.prices)
    model: ChatModel
    refused: Callable[[], Collection[str]] = tuple
    digest: Callable[[], str] | None = None
    if local:
        model = folder = LocalModel(Path(request.model))
        prices, digest = Prices(own), folder.digest
    else:
        model = server = _server(request, at_once)
        prices, refused = Prices(own, server.address), lambda: server.unsupported
    price = prices.price(model.name)
    budget = _checked(Budget, max_tokens=request.budget_tokens, max_cost_usd=request.budget_usd)
    if budget != Budget():
        model = BudgetedModel(model, budget, prices)
    sampling = Sampling(temperature=request.temperature, max_tokens=request.max_tokens)
    return ChosenModel(ReactAgent(model, sampling, style), price, refused, digest)


def _is_local(model: str, base_url: str | None) -> bool:
    """A folder that is there, or something that can only be a path."""
    if base_url is not None:
        return False
    if model.startswith((".", "/", "~")):
        return True
    try:
        return Path(model).is_dir()
    except OSError:  # too long to be the name of a folder
        return False


def _style(asked: str | None, *, local: bool) -> CallStyle:
    if asked is None:
        return "text" if local else "native"
    if asked not in get_args(CallStyle):
        raise CommandError(f"--style is {' or '.join(get_args(CallStyle))}, not {asked!r:.40}", WRONG_USE)
    if local and asked == "native":
        raise CommandError("--style native needs a server; a checkpoint in a folder writes text", WRONG_USE)
    return cast("CallStyle", asked)


def _server(request: ModelRequest, at_once: int) -> ServerModel:
    return ServerModel(
        _checked(
            ServerSettings,
            model=request.model,
            base_url=request.base_url,
            timeout_s=request.timeout_s,
            most_in_flight=at_once,
        )
    )


def _checked(kind: type[RecordT], **values: object) -> RecordT:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise CommandError(explain(error), WRONG_USE) from None
