"""What a run may spend, and what it has cost."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sixgym.episodes.messages import Usage
from sixgym.evaluate.bench.store import RunFolder
from tests.chat_server import ChatServer, say
from tests.cli.conftest import Sixgym
from tests.cli.language.scripted import over_http, samples
from tests.evaluate.bench.bench_samples import write_tasks


def test_a_run_whose_budget_is_spent_stops_and_resumes(bench: Callable[..., Any], tmp_path: Path) -> None:
    tasks = samples(6)
    shared = ("--tasks", write_tasks(tmp_path / "tasks.json", tasks), "--network", "fluid", "--workers", 1)
    with ChatServer(over_http(tasks)) as server:
        stopped = bench(server, *shared, "--budget-tokens", 100)
        assert stopped.exit_code == 1
        assert "the budget of 100 tokens is spent" in stopped.stderr
        assert "--resume continues" in stopped.stderr
        stored = len(list(RunFolder(tmp_path / "run").episodes(1)))
        assert 0 < stored < 6
        done = bench(server, *shared, "--resume")
    assert done.exit_code == 0, done.output
    assert len(RunFolder(tmp_path / "run").results()) == 6


def test_what_a_run_cost_is_in_its_report(bench: Callable[..., Any], tmp_path: Path) -> None:
    tasks = samples(1)
    prices = tmp_path / "prices.yaml"
    prices.write_text("scripted: {prompt_usd_per_million: 1000000, completion_usd_per_million: 0}")
    with ChatServer(over_http(tasks)) as server:
        done = bench(
            *(server, "--tasks", write_tasks(tmp_path / "tasks.json", tasks), "--network", "fluid"),
            *("--prices", prices, "--json"),
        )
    report = json.loads(done.stdout)
    assert report["overall"]["tokens"] == 2 * 15
    assert report["overall"]["cost_usd"] == pytest.approx(2 * 10)


def test_prices_can_be_given_later(bench: Callable[..., Any], tmp_path: Path) -> None:
    tasks = samples(2)
    shared = ("--tasks", write_tasks(tmp_path / "tasks.json", tasks), "--network", "fluid", "--json")
    prices = tmp_path / "prices.yaml"
    prices.write_text("scripted: {prompt_usd_per_million: 1000000, completion_usd_per_million: 0}")
    costs: list[float | None] = []
    with ChatServer(over_http(tasks)) as server:
        for more in ((), ("--resume", "--prices", prices), ("--resume",)):
            done = bench(server, *shared, *more)
            assert done.exit_code == 0, done.output
            costs.append(json.loads(done.stdout)["overall"]["cost_usd"])
    assert costs[0] is None
    assert costs[1] == costs[2] == pytest.approx(10 * (2 + 3))


def test_what_was_said_before_the_budget_was_spent_is_kept(bench: Callable[..., Any], tmp_path: Path) -> None:
    tasks = samples(1)
    shared = ("--tasks", write_tasks(tmp_path / "tasks.json", tasks), "--network", "fluid", "--workers", 1)
    with ChatServer(over_http(tasks)) as server:
        assert bench(server, *shared, "--budget-tokens", 1).exit_code == 1
        ((_, broken),) = RunFolder(tmp_path / "run").episodes(1)
        assert broken.infrastructure_failure == "the budget of 1 tokens is spent: 15 were used"
        assert broken.usage == Usage(prompt_tokens=10, completion_tokens=5)
        done = bench(server, *shared, "--resume")
    assert done.exit_code == 0, done.output
    assert [row.success for row in RunFolder(tmp_path / "run").results()] == [True]


def test_what_an_episode_cost_is_said(sixgym: Sixgym, tmp_path: Path) -> None:
    prices = tmp_path / "prices.yaml"
    prices.write_text("m: {prompt_usd_per_million: 1000, completion_usd_per_million: 0}")
    with ChatServer(lambda _: say("done", tokens=(500, 5))) as server:
        done = sixgym(
            *("run", "--agent", "react", "--model", "m", "--base-url", server.url, "--network", "fluid"),
            *("--out", tmp_path, "--prices", prices),
        )
    assert "500 read, 5 written" in done.stdout
    assert "cost    $0.5000" in done.stdout
