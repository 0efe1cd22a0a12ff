import threading
from contextlib import suppress

import pytest

from sixgym.episodes.messages import Usage
from sixgym.models.budget import Budget, BudgetedModel
from sixgym.models.chat import ModelUnusableError
from sixgym.models.prices import Price, Prices
from tests.chat_server import ChatServer, say
from tests.models.server.asking import ask, model_at

DEAR = Prices({"scripted": Price(prompt_usd_per_million=1000, completion_usd_per_million=2000)})
NONE = Prices()


def test_a_spent_budget_of_tokens_is_refused_before_the_server_is_asked() -> None:
    with ChatServer(lambda _: say("hi", tokens=(10, 5))) as server, model_at(server.url) as model:
        budgeted = BudgetedModel(model, Budget(max_tokens=30), NONE)
        ask(budgeted)
        ask(budgeted)
        with pytest.raises(ModelUnusableError, match="budget of 30 tokens is spent: 30 were used"):
            ask(budgeted)
        assert len(server.requests) == 2
        assert budgeted.spent == Usage(prompt_tokens=20, completion_tokens=10)


def test_a_spent_budget_of_money_is_refused_before_the_server_is_asked() -> None:
    with ChatServer(lambda _: say("hi", tokens=(10, 5))) as server, model_at(server.url) as model:
        budgeted = BudgetedModel(model, Budget(max_cost_usd=0.03), DEAR)  # 0.02 each
        ask(budgeted)
        ask(budgeted)
        with pytest.raises(ModelUnusableError, match=r"budget of \$0\.03 is spent: \$0\.04 were used"):
            ask(budgeted)
        assert len(server.requests) == 2


def test_threads_share_a_budget_and_lose_no_token() -> None:
    threads = 16
    with ChatServer(lambda _: say("hi", tokens=(10, 5))) as server, model_at(server.url) as model:
        budgeted = BudgetedModel(model, Budget(max_tokens=1500), NONE)

        def work() -> None:
            with suppress(ModelUnusableError):
                while True:
                    ask(budgeted)

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        asked = len(server.requests)
        assert 100 <= asked < 100 + threads
        assert budgeted.spent == Usage(prompt_tokens=10 * asked, completion_tokens=5 * asked)


def test_a_server_that_reports_no_usage_cannot_have_a_budget() -> None:
    with ChatServer(lambda _: say("hi", tokens=None)) as server, model_at(server.url) as model:
        budgeted = BudgetedModel(model, Budget(max_tokens=1000), NONE)
        for _ in range(2):
            with pytest.raises(ModelUnusableError, match="does not say how many tokens"):
                ask(budgeted)
        assert len(server.requests) == 1


def test_without_a_budget_a_server_need_not_report_usage() -> None:
    with ChatServer(lambda _: say("hi", tokens=None)) as server, model_at(server.url) as model:
        assert ask(BudgetedModel(model, Budget(), NONE)).content == "hi"


def test_without_a_budget_what_is_spent_is_counted_all_the_same() -> None:
    with ChatServer(lambda _: say("hi", tokens=(10, 5))) as server, model_at(server.url) as model:
        budgeted = BudgetedModel(model, Budget(), NONE)
        ask(budgeted)
        assert budgeted.spent == Usage(prompt_tokens=10, completion_tokens=5)


def test_a_budget_of_money_needs_a_price() -> None:
    with (
        ChatServer(lambda _: say("hi")) as server,
        model_at(server.url) as model,
        pytest.raises(ModelUnusableError, match="the price of scripted is unknown"),
    ):
        BudgetedModel(model, Budget(max_cost_usd=1), NONE)
