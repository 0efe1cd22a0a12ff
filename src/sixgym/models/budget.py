"""A bound on the requests of a run to a model, in tokens and in money."""

import threading
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import Field

from sixgym.domain.base import Positive, Record
from sixgym.episodes.messages import Message, Usage
from sixgym.models.chat import ChatModel, Completion, ModelUnusableError, Sampling
from sixgym.models.prices import Prices


class Budget(Record):
    """The most that may be spent. None is no bound."""

    max_tokens: Annotated[int, Field(ge=1)] | None = Field(
        default=None, description="tokens of prompts and completions"
    )
    max_cost_usd: Positive | None = Field(default=None, description="US dollars")


class BudgetedModel:
    """A chat model that stops when its budget is spent.

    The cost of a request is known when its completion arrives. Requests in flight at the limit still finish,
    so a run may exceed its budget by one completion per thread. Failed attempts are not counted: no server
    reports their tokens.
    """

    def __init__(self, model: ChatModel, budget: Budget, prices: Prices) -> None:
        """The model under a budget.

        Args:
            model: The model.
            budget: The bound for all threads together.
            prices: The price of tokens.

        Raises:
            ModelUnusableError: the budget is in money and the model's price is unknown.
        """
        self._model = model
        self._budget = budget
        self._prices = prices
        self._lock = threading.Lock()
        self._spent = Usage(prompt_tokens=0, completion_tokens=0)
        self._counted = True
        if budget.max_cost_usd is not None and prices.cost_usd(self._spent, model.name) is None:
            raise ModelUnusableError(
                f"the price of {model.name} is unknown, so a budget in US dollars cannot be kept: "
                "give its price in a price file, or a budget in tokens"
            )

    @property
    def name(self) -> str:
        """Name of the model."""
        return self._model.name

    @property
    def spent(self) -> Usage:
        """Tokens of all threads so far."""
        with self._lock:
            return self._spent

    def complete(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], sampling: Sampling
    ) -> Completion:
        """See `ChatModel.complete`. Once the budget is spent, no request is sent.

        Raises:
            ModelUnusableError: the budget is spent, or the server does not report tokens.
        """
        self._refuse_if_spent()
        completion = self._model.complete(messages, tools, sampling)
        with self._lock:
            if completion.usage is not None:
                self._spent += completion.usage
            elif self._budget != Budget():
                self._counted = False
        if completion.usage is None:
            self._refuse_if_spent()
        return completion

    def close(self) -> None:
        """Close the model."""
        self._model.close()

    def _refuse_if_spent(self) -> None:
        with self._lock:
            spent, counted = self._spent, self._counted
        if not counted:
            raise ModelUnusableError(
                f"the server of {self.name} does not say how many tokens it took, "
                "so a budget cannot be kept: run without one, or with another server"
            )
        tokens = spent.prompt_tokens + spent.completion_tokens
        most_tokens, most_usd = self._budget.max_tokens, self._budget.max_cost_usd
        if most_tokens is not None and tokens >= most_tokens:
            raise ModelUnusableError(f"the budget of {most_tokens} tokens is spent: {tokens} were used")
        cost_usd = None if most_usd is None else self._prices.cost_usd(spent, self.name)
        if most_usd is not None and cost_usd is not None and cost_usd >= most_usd:
            raise ModelUnusableError(f"the budget of ${most_usd:g} is spent: ${cost_usd:.4g} were used")
