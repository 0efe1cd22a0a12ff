"""`sixgym run` with a language model: attempts, messages, seeds, and options that do not fit."""

import json
from pathlib import Path

import pytest

from sixgym.episodes.store import read_episodes
from tests.chat_server import ChatServer, Json, call, say
from tests.cli.conftest import Sixgym
from tests.cli.language.scripted import L1, LOOK, over_http, samples
from tests.evaluate.bench.bench_samples import write_tasks


def test_one_episode_with_a_model(sixgym: Sixgym, tmp_path: Path) -> None:
    with ChatServer(over_http(L1)) as server:
        done = sixgym(
            *("run", "--task", L1[0].task.id, "--agent", "react", "--model", "scripted"),
            *("--base-url", server.url, "--out", tmp_path, "--json"),
        )
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["success"], said["agent"]) == (True, "react/scripted")
    assert said["usage"] == {
        "prompt_tokens": 10 * (said["steps"] + 1),
        "completion_tokens": 5 * (said["steps"] + 1),
    }
    (episode,) = read_episodes(Path(said["episode"]))
    assert episode.closing[0].messages[-1].content == L1[0].reference_answer


def test_every_attempt_of_an_agent_that_tries_again_is_shown(sixgym: Sixgym, tmp_path: Path) -> None:
    def answer(request: Json) -> Json:
        looked_back = "was not fulfilled" in request["messages"][-1]["content"]
        return say("look [bold]first\x1b[31m" if looked_back else "answer: none")

    with ChatServer(answer) as server:
        done = sixgym(
            *("run", "--agent", "reflexion", "--model", "m", "--base-url", server.url),
            *("--tasks", write_tasks(tmp_path / "tasks.json", samples(1)), "--task", "sample-000"),
            *("--network", "fluid", "--out", tmp_path),
        )
    assert done.exit_code == 0, done.output
    assert done.stdout.count("the agent tries again") == 3
    assert done.stdout.count("note    look [bold]first") == 3
    assert "\x1b[31m" not in done.stdout
    assert "70 read, 35 written in 4 attempts" in done.stdout


def test_a_stored_episode_shows_its_attempts_and_messages(sixgym: Sixgym, tmp_path: Path) -> None:
    def answer(request: Json) -> Json:
        if "was not fulfilled" in request["messages"][-1]["content"]:
            return say("look twice")
        return say(None, calls=[call(LOOK, {})]) if len(request["messages"]) == 2 else say("answer: none")

    with ChatServer(answer) as server:
        sixgym(
            *("run", "--agent", "reflexion", "--model", "m" * 200, "--base-url", server.url),
            *("--tasks", write_tasks(tmp_path / "tasks.json", samples(1)), "--task", "sample-000"),
            *("--network", "fluid", "--out", tmp_path / "out"),
        )
    (path,) = (tmp_path / "out").glob("*.jsonl")
    shown = sixgym("show", path)
    assert shown.stdout.count("note    look twice") == 3
    step = sixgym("show", path, "--step", 1)
    assert "You operate a 6G network" in step.stdout
    assert LOOK in step.stdout


def test_a_run_draws_its_replies_with_its_seed(sixgym: Sixgym, tmp_path: Path) -> None:
    seeds: list[int | None] = []

    def answer(request: Json) -> Json:
        seeds.append(request.get("seed"))
        return say("x")

    with ChatServer(answer) as server:
        shared = ("run", "--agent", "react", "--model", "m", "--base-url", server.url, "--out", tmp_path)
        sixgym(*shared, "--network", "fluid", "--seed", 3, "--temperature", 0.7)
        sixgym(*shared, "--network", "fluid", "--seed", 3)
    assert seeds == [3, None]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--agent", "react"), "--agent react asks a language model: --model NAME"),
        (("--agent", "null", "--model", "x"), "null asks no language model"),
        (("--agent", "react", "--model", "x", "--base-url", "ftp://y"), "a base URL looks like"),
        (
            ("--agent", "react", "--model", "x", "--base-url", "http://h/v1", "--style", "xml"),
            "native or text",
        ),
        (("--agent", "reflexion", "--model", "./nowhere"), "nowhere"),
        (("--agent", "react", "--model", "x", "--base-url", "https://example.org/v1"), "set OPENAI_API_KEY"),
        (
            ("--agent", "react", "--model", "x", "--base-url", "http://[::1]/v1", "--budget-usd", "0"),
            "max_cost",
        ),
        (
            ("--agent", "react", "--model", "x", "--base-url", "http://[::1]/v1", "--budget-usd", "inf"),
            "max_cost",
        ),
        (("--agent", "react", "--model", ""), "--agent react asks a language model"),
        (("--agent", "reactt", "--model", "x"), "did you mean react?"),
    ],
)
def test_wrong_options_are_one_clear_error(
    sixgym: Sixgym,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    for command in ("run", "bench"):
        done = sixgym(command, *arguments)
        assert done.exit_code in {1, 2}
        assert message in done.stderr.replace("\n", " ")
        assert "Traceback" not in done.output
