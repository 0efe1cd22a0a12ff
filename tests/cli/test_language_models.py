"""The benchmark over HTTP: a scripted policy solves tasks, bad servers and replies cost what they should."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.llm.transcript import transcript
from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.episodes.messages import Message, Usage, WrittenCall
from sixgym.episodes.store import read_episodes
from sixgym.evaluate.bench.store import RunFolder
from sixgym.models.chat import Completion, Sampling
from sixgym.models.function import FunctionModel
from sixgym.models.server.wire import request_body
from sixgym.run.rollout import rollout
from sixgym.scoring.result import Result
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.frozen import load_task_set
from sixgym.tasks.grading import grade
from sixgym.tasks.record import BenchTask
from tests.chat_server import ChatServer, Json, Reply, call, refuse, say
from tests.cli.conftest import Sixgym
from tests.evaluate.bench.bench_samples import sample_tasks, write_tasks
from tests.models.local.checkpoints import save_checkpoint

L1 = [task for task in load_task_set().tasks if task.tier == "L1"][:9]
LOOK = "check_network_state"


def samples(number: int) -> list[BenchTask]:
    """Small tasks that a model can tell apart."""
    return [
        task.model_copy(
            update={
                "task": task.task.model_copy(update={"intent": f"{task.task.intent} Ticket {place:03d}."})
            }
        )
        for place, task in enumerate(sample_tasks(number))
    ]


def plan(tasks: Sequence[BenchTask], said: str, replies: int) -> tuple[Json | None, str]:
    """The next call of the reference solution to the task that the conversation is about, or its answer."""
    (task,) = [task for task in tasks if task.task.intent in said]
    if replies < len(task.reference):
        step = task.reference[replies]
        return call(step.tool, step.arguments, id=f"call_{replies}"), ""
    return None, task.reference_answer


def over_http(tasks: Sequence[BenchTask]) -> Callable[[Json], Json]:
    def answer(request: Json) -> Json:
        messages = request["messages"]
        replies = sum(message["role"] == "assistant" for message in messages)
        step, text = plan(tasks, messages[1]["content"], replies)
        return say(None, calls=[step]) if step else say(text)

    return answer


def in_process(tasks: Sequence[BenchTask]) -> FunctionModel:
    def answer(messages: Sequence[Message]) -> Completion:
        replies = sum(message.role == "assistant" for message in messages)
        step, text = plan(tasks, messages[1].content, replies)
        if step is None:
            return Completion(text)
        function = step["function"]
        return Completion(
            "", calls=(WrittenCall(id=step["id"], tool=function["name"], arguments=function["arguments"]),)
        )

    return FunctionModel("scripted", answer)


def verdict(row: Result) -> Result:
    return row.model_copy(update={"agent_s": 0.0, "world_s": 0.0, "tokens": None, "agent": ""})


@pytest.fixture
def bench(sixgym: Sixgym, tmp_path: Path) -> Callable[..., Any]:
    """Runs `sixgym bench --agent react ARGUMENTS` against a server."""

    def invoke(server: ChatServer, *arguments: object) -> Any:
        model = ("--agent", "react", "--model", "scripted", "--base-url", server.url)
        return sixgym("bench", *model, "--out", tmp_path / "run", *arguments)

    return invoke


def test_a_policy_over_http_gets_the_grade_it_gets_in_this_process(
    bench: Callable[..., Any], tmp_path: Path
) -> None:
    task_file = write_tasks(tmp_path / "tasks.json", L1)
    with ChatServer(over_http(L1)) as server:
        done = bench(server, "--tasks", task_file, "--workers", 4, "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert (report["overall"]["n"], report["overall"]["success_rate"]) == (len(L1), 1.0)
    rows = {row.task: verdict(row) for row in RunFolder(tmp_path / "run").results()}
    backend = SimulatedBackend(make_simulator("tti"))
    agent = ReactAgent(in_process(L1))
    for task in L1:
        episode = rollout(Environment(backend), agent, task.task)
        assert verdict(grade(task, 0, episode)) == rows[task.task.id]
    backend.close()


def test_the_bytes_of_requests_are_those_that_training_would_be_given(
    bench: Callable[..., Any], tmp_path: Path
) -> None:
    tasks = samples(2)
    with ChatServer(over_http(tasks)) as server:
        done = bench(server, "--tasks", write_tasks(tmp_path / "tasks.json", tasks), "--network", "fluid")
        sent = [received.json["messages"] for received in server.requests]
    assert done.exit_code == 0, done.output
    for episode in RunFolder(tmp_path / "run").episodes(1):
        told = transcript(episode[1], "native")
        body = request_body("scripted", told[:-1], [], Sampling())
        assert json.dumps(body["messages"]) in [json.dumps(messages) for messages in sent]


def test_results_do_not_depend_on_how_many_episodes_there_are_at_once(
    sixgym: Sixgym,
    tmp_path: Path,
) -> None:
    tasks = samples(12)
    task_file = write_tasks(tmp_path / "tasks.json", tasks)
    found: list[list[Result]] = []
    together = threading.Barrier(8)
    first = iter(range(8))

    def answer(request: Json) -> Json:
        if request["model"] == "scripted-8" and next(first, None) is not None:
            together.wait(30)
        return over_http(tasks)(request)

    with ChatServer(answer) as server:
        for workers in (1, 8):
            out = tmp_path / str(workers)
            done = sixgym(
                *("bench", "--agent", "react", "--model", f"scripted-{workers}", "--base-url", server.url),
                *("--tasks", task_file, "--network", "fluid", "--workers", workers, "--out", out),
            )
            assert done.exit_code == 0, done.output
            found.append([verdict(row) for row in RunFolder(out).results()])
        assert server.most_in_flight == 8
    assert found[0] == found[1]
    assert len(found[0]) == 12


BAD_REPLIES: dict[str, Json | Reply] = {
    "malformed arguments": say(None, calls=[call(LOOK, '{"slice": ')]),
    "an unknown tool": say(None, calls=[call("rm -rf /", {"path": "../../etc"})]),
    "parallel calls": say("both", calls=[call(LOOK, {}, id="a"), call("no_such", {}, id="b")]),
    "no text": say(None),
    "text without a call": say("\x1b[31mI would look first\x00\n{{secret}} %s"),
    "calls without ids": say(None, calls=[call(LOOK, {}, id=None)]),
}
FAILURES: dict[str, Json | Reply] = {
    "HTTP 400": refuse(400, "context too long"),
    "no choices": Reply({"choices": []}),
    "no JSON object": Reply([1, 2]),
    "endless text": Reply(b" " * 100_000, endless=True),
}


@pytest.mark.parametrize("name", BAD_REPLIES)
def test_a_bad_reply_is_the_agents_and_its_episode_is_graded(
    bench: Callable[..., Any], tmp_path: Path, name: str
) -> None:
    task_file = write_tasks(tmp_path / "tasks.json", samples(1))
    with ChatServer(lambda _: BAD_REPLIES[name]) as server:
        done = bench(server, "--tasks", task_file, "--network", "fluid")
    assert done.exit_code == 0, done.output
    (row,) = RunFolder(tmp_path / "run").results()
    assert row.infrastructure_failure is None
    assert not row.success
    ((_, episode),) = RunFolder(tmp_path / "run").episodes(1)
    assert episode.terminated or episode.truncated


@pytest.mark.parametrize("name", FAILURES)
def test_a_bad_server_is_no_fault_of_the_agent(bench: Callable[..., Any], tmp_path: Path, name: str) -> None:
    """The first request of the first episode succeeds; every later one meets the failure."""
    task_file = write_tasks(tmp_path / "tasks.json", samples(2))

    def answer(request: Json) -> Json | Reply:
        return FAILURES[name] if len(request["messages"]) > 2 else say(None, calls=[call(LOOK, {})])

    with ChatServer(answer) as server:
        done = bench(server, "--tasks", task_file, "--network", "fluid", "--workers", 1)
    assert done.exit_code == 1
    assert "every episode broke on our side" in done.stderr
    for row in RunFolder(tmp_path / "run").results():
        assert row.infrastructure_failure
        assert server.url in row.infrastructure_failure
    ((_, first), _) = RunFolder(tmp_path / "run").episodes(1)
    assert len(first.steps) == 1, "what had happened is kept"


def test_a_wrong_key_stops_the_run_at_once_and_is_never_written(
    bench: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-marker-of-a-secret")
    task_file = write_tasks(tmp_path / "tasks.json", samples(9))
    with ChatServer(lambda _: refuse(401, "bad key sk-marker-of-a-secret")) as server:
        done = bench(server, "--tasks", task_file, "--network", "fluid", "--workers", 1)
        assert len(server.requests) == 1
    assert done.exit_code == 1
    assert "OPENAI_API_KEY" in done.stderr
    written = b"".join(path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert b"marker" not in written
    assert "marker" not in done.output


def test_a_server_that_is_not_there_is_one_clear_error(bench: Callable[..., Any], tmp_path: Path) -> None:
    task_file = write_tasks(tmp_path / "tasks.json", samples(3))
    server = ChatServer(lambda _: say("x"))
    with server:
        pass
    done = bench(server, "--tasks", task_file, "--network", "fluid")
    assert done.exit_code == 1
    assert "is it running" in done.stderr


def test_a_run_whose_budget_is_spent_stops_and_resumes(bench: Callable[..., Any], tmp_path: Path) -> None:
    tasks = samples(6)
    shared = ("--tasks", write_tasks(tmp_path / "tasks.json", tasks), "--network", "fluid", "--workers", 1)
    with ChatServer(over_http(tasks)) as server:
        stopped = bench(server, *shared, "--budget-tokens", 100)
        assert stopped.exit_code == 1
        assert "the budget of 100 tokens is spent" in stopped.stderr
        assert "--resume goes on" in stopped.stderr
        stored = len(list(RunFolder(tmp_path / "run").episodes(1)))
        assert 0 < stored < 6
        done = bench(server, *shared, "--resume")
    assert done.exit_code == 0, done.output
    assert len(RunFolder(tmp_path / "run").results()) == 6


def test_another_model_or_temperature_is_another_run(bench: Callable[..., Any], tmp_path: Path) -> None:
    tasks = samples(2)
    shared = ("--tasks", write_tasks(tmp_path / "tasks.json", tasks), "--network", "fluid")
    with ChatServer(over_http(tasks)) as server:
        assert bench(server, *shared).exit_code == 0
        refused = bench(server, *shared, "--temperature", 0.5, "--resume")
    assert refused.exit_code == 2
    assert "the agent's temperature was 0.0 and is 0.5" in refused.stderr


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


def test_a_server_that_takes_no_temperature_is_named_at_the_end(
    bench: Callable[..., Any], tmp_path: Path
) -> None:
    tasks = samples(1)

    def answer(request: Json) -> Json | Reply:
        if "temperature" in request:
            return refuse(400, "no", code="unsupported_value", param="temperature")
        return over_http(tasks)(request)

    with ChatServer(answer) as server:
        done = bench(server, "--tasks", write_tasks(tmp_path / "tasks.json", tasks), "--network", "fluid")
    assert done.exit_code == 0, done.output
    assert "the server refuses a temperature for scripted" in done.stderr


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


def test_a_name_of_a_model_is_no_markup(bench: Callable[..., Any], sixgym: Sixgym, tmp_path: Path) -> None:
    tasks = samples(2)
    shared = ("--tasks", write_tasks(tmp_path / "tasks.json", tasks), "--network", "fluid")
    with ChatServer(over_http(tasks)) as server:
        assert bench(server, *shared, "--model", "[/red]org/x").exit_code == 0
    done = sixgym("show", tmp_path / "run" / "episodes-0.jsonl.gz")
    assert done.exit_code == 0, done.output
    assert "[/red]org/x" in done.stdout.replace("\n", "")


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


def test_another_checkpoint_in_a_folder_of_the_same_name_is_another_run(
    sixgym: Sixgym, tmp_path: Path
) -> None:
    task_file = write_tasks(tmp_path / "tasks.json", samples(1))
    found: list[Any] = []
    for place in ("a", "b"):
        folder = save_checkpoint(tmp_path / place / "final", context=16_384 + ord(place))
        found.append(
            sixgym(
                *("bench", "--agent", "react", "--model", folder, "--tasks", task_file, "--network", "fluid"),
                *("--max-tokens", 4, "--out", tmp_path / "run", "--resume"),
            )
        )
    assert found[0].exit_code == 0, found[0].output
    assert found[1].exit_code == 2
    assert "the agent's checkpoint was" in found[1].stderr


INTERRUPTIBLE = (
    "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    "from sixgym.cli import main; main()"
)
"""Whoever starts the tests in the background may have made them ignore SIGINT."""


def test_an_interrupted_run_ends_soon_although_the_server_is_silent(tmp_path: Path) -> None:
    task_file = write_tasks(tmp_path / "tasks.json", samples(9))
    with ChatServer(lambda _: Reply(silent=True)) as server:
        command = (
            *("bench", "--agent", "react", "--model", "m", "--base-url", server.url, "--workers", "8"),
            *("--tasks", str(task_file), "--out", str(tmp_path / "run")),
        )
        program = (sys.executable, "-c", INTERRUPTIBLE, *command)
        with subprocess.Popen(program, stderr=subprocess.PIPE, text=True) as process:
            try:
                while len(server.requests) < 8:
                    assert process.poll() is None
                    time.sleep(0.05)
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=30)
            finally:
                process.kill()
    assert process.returncode == 130
    assert "--resume goes on" in said


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
