"""The benchmark over HTTP: a scripted policy gets the same grades however its model is reached."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.llm.transcript import transcript
from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.evaluate.bench.store import RunFolder
from sixgym.models.chat import Sampling
from sixgym.models.server.wire import request_body
from sixgym.run.rollout import rollout
from sixgym.scoring.result import Result
from sixgym.simulators.factory import make_simulator
from sixgym.tasks.grading import grade
from tests.chat_server import ChatServer, Json, Reply
from tests.cli.conftest import Sixgym
from tests.cli.language.scripted import L1, in_process, over_http, samples, verdict
from tests.evaluate.bench.bench_samples import write_tasks
from tests.models.local.checkpoints import save_checkpoint


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


def test_another_model_or_temperature_is_another_run(bench: Callable[..., Any], tmp_path: Path) -> None:
    tasks = samples(2)
    shared = ("--tasks", write_tasks(tmp_path / "tasks.json", tasks), "--network", "fluid")
    with ChatServer(over_http(tasks)) as server:
        assert bench(server, *shared).exit_code == 0
        refused = bench(server, *shared, "--temperature", 0.5, "--resume")
    assert refused.exit_code == 2
    assert "the agent's temperature was 0.0 and is 0.5" in refused.stderr


def test_a_name_of_a_model_is_no_markup(bench: Callable[..., Any], sixgym: Sixgym, tmp_path: Path) -> None:
    tasks = samples(2)
    shared = ("--tasks", write_tasks(tmp_path / "tasks.json", tasks), "--network", "fluid")
    with ChatServer(over_http(tasks)) as server:
        assert bench(server, *shared, "--model", "[/red]org/x").exit_code == 0
    done = sixgym("show", tmp_path / "run" / "episodes-0.jsonl.gz")
    assert done.exit_code == 0, done.output
    assert "[/red]org/x" in done.stdout.replace("\n", "")


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
"""A program in the background may ignore SIGINT, so this program asks for it."""


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
    assert "--resume continues" in said
