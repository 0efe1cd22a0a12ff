"""`sixgym serve mcp`: what is refused before anything is served, and what is said."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from sixgym.episodes.store import read_episodes
from tests.cli.conftest import Sixgym
from tests.evaluate.bench.bench_samples import sample_tasks, write_tasks
from tests.serve.clients import TOKEN


@pytest.fixture(autouse=True)
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SIXGYM_TOKEN", raising=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--stdio", "--http", 0), "--stdio and --http exclude each other"),
        (("--scenario", "nowhere"), "nowhere"),
        (("--task", "uav-inspection/nothing"), "has no task 'nothing'"),
        (("--task", "L1-nothing-0001"), "the set has no task"),
        (("--network", "carrier-pigeon"), "no network is called 'carrier-pigeon'"),
        (("--host", "127.0.0.1"), "--host needs --http"),
        (("--token-file", "/nowhere/token"), "--token-file needs --http"),
        (("--stdio", "--max-sessions", 3), "--max-sessions needs --http"),
        (("--http", 0, "--host", "0.0.0.0"), "set SIXGYM_TOKEN or give --token-file"),
        (("--http", 0, "--host", "127.1.2.3.4"), "set SIXGYM_TOKEN"),
        (("--http", 0, "--token-file", "/nowhere/token"), "--token-file /nowhere/token: cannot be read"),
    ],
)
def test_wrong_use_is_said_before_anything_is_served(
    sixgym: Sixgym, tmp_path: Path, arguments: tuple[object, ...], words: str
) -> None:
    network = () if "--network" in arguments else ("--network", "fluid")
    result = sixgym("serve", "mcp", "--out", tmp_path, *network, *arguments)
    assert result.exit_code == 2, result.output
    assert words in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("token", ["short", "", "with a blank in its middle", "ünïcödé-is-not-for-headers"])
def test_a_token_that_could_be_guessed_is_refused_and_never_shown(
    sixgym: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setenv("SIXGYM_TOKEN", token)
    result = sixgym("serve", "mcp", "--network", "fluid", "--out", tmp_path, "--http", 0)
    assert result.exit_code == 2
    assert "SIXGYM_TOKEN: a token has at least 16 characters" in result.stderr
    assert not token or token not in result.output


def test_a_token_is_never_an_argument(sixgym: Sixgym) -> None:
    assert sixgym("serve", "mcp", "--token", TOKEN).exit_code == 2


def test_a_port_that_is_taken_is_said(sixgym: Sixgym, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = sixgym("serve", "mcp", "--network", "fluid", "--out", tmp_path, "--http", port)
    assert result.exit_code == 2
    assert f"cannot listen at 127.0.0.1 port {port}" in result.stderr


def test_without_the_extra_it_says_what_to_install(
    sixgym: Sixgym, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    monkeypatch.delitem(sys.modules, "sixgym.serve.mcp", raising=False)
    result = sixgym("serve", "mcp", "--network", "fluid", "--out", tmp_path)
    assert result.exit_code == 1
    assert "serving MCP needs the extra mcp" in result.stderr
    assert "pip install" in result.stderr


@pytest.mark.parametrize("which", ["scenario", "benchmark"])
def test_a_client_that_says_nothing_leaves_nothing(sixgym: Sixgym, tmp_path: Path, which: str) -> None:
    task = ["--seed", 3]
    if which == "benchmark":
        file = write_tasks(tmp_path / "samples.json", sample_tasks(1))
        task = ["--tasks", file, "--task", "sample-000"]
    result = sixgym("serve", "mcp", "--network", "fluid", "--out", tmp_path / "runs", *task)
    assert result.exit_code == 0, result.output
    assert list((tmp_path / "runs").iterdir()) == []


def test_an_episode_is_stored_beside_its_verdict(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from sixgym.cli.serve.episodes import keep
    from tests.episodes.samples import sample_episode

    keep(tmp_path, sample_episode())
    [stored] = tmp_path.glob("*.jsonl")
    assert next(iter(read_episodes(stored))).task == sample_episode().task
    said = capsys.readouterr()
    assert "service level" in said.err
    assert str(stored) in said.err
    assert said.out == ""


def test_an_episode_is_stored_while_its_network_runs_out_and_then_replaced(tmp_path: Path) -> None:
    from sixgym.cli.serve.episodes import keep, safeguarded
    from tests.episodes.samples import sample_episode

    unfinished = sample_episode().model_copy(update={"id": "unfinished", "infrastructure_failure": "killed"})
    with safeguarded(tmp_path, unfinished):
        [stored] = tmp_path.glob("*.jsonl")
        assert next(iter(read_episodes(stored))).infrastructure_failure == "killed"
        keep(tmp_path, whole := sample_episode())
    [stored] = tmp_path.glob("*.jsonl")
    assert next(iter(read_episodes(stored))).id == whole.id
    assert [path.stem for path in tmp_path.glob("*.parquet")] == [stored.stem]


def test_a_folder_that_is_gone_costs_the_episode_and_not_the_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sixgym.cli.serve.episodes import keep, safeguarded
    from tests.episodes.samples import sample_episode

    (tmp_path / "file").touch()
    with safeguarded(tmp_path / "file", sample_episode()):
        keep(tmp_path / "file", sample_episode())
    assert "could not be stored" in capsys.readouterr().err


@pytest.mark.parametrize(("command", "extra"), [("mcp", "mcp"), ("openenv", "openenv")])
def test_where_only_the_package_is_installed_it_says_what_else_to_install(
    tmp_path: Path, command: str, extra: str
) -> None:
    gone = ("anyio", "mcp", "starlette", "uvicorn", "fastapi", "openenv")
    program = f"import sys; sys.modules.update(dict.fromkeys({gone!r})); from sixgym.cli import main; main()"
    words = (sys.executable, "-c", program, "serve", command, "--out", str(tmp_path / "out"))
    result = subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert result.returncode == 1
    assert f"needs the extra {extra}" in result.stderr
    assert "pip install" in result.stderr
    assert "Traceback" not in result.stderr
