"""The process that ns-3 runs in: how it is made, how it fails, and that it leaves nothing behind."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import platformdirs
import pytest

from sixgym.domain.change import ScaleTraffic
from sixgym.domain.network import Channel
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.ns3 import Ns3Simulator, build, ns3_status
from sixgym.simulators.ns3.process import LineProcess
from tests.networks import small
from tests.repository import ROOT

pytestmark = pytest.mark.ns3


def killed(simulator: Ns3Simulator, number: signal.Signals) -> None:
    assert simulator.pid is not None
    os.kill(simulator.pid, number)


@pytest.fixture
def simulator() -> Ns3Simulator:
    return Ns3Simulator(timeout_s=20)


# ------------------------------------------------------------------ a process that fails
def test_a_killed_process_is_a_simulator_error_and_the_next_reset_works(simulator: Ns3Simulator) -> None:
    before = simulator.reset(small(), seed=1)
    killed(simulator, signal.SIGKILL)
    with pytest.raises(SimulatorError, match="killed by SIGKILL"):
        simulator.advance(100)
    with pytest.raises(SimulatorError, match="call reset"):
        simulator.apply(ScaleTraffic("uav", 1.0))
    assert simulator.reset(small(), seed=1) == before
    simulator.close()


def test_a_process_killed_while_it_computes_is_a_simulator_error(simulator: Ns3Simulator) -> None:
    simulator.reset(small(), seed=1)
    timer = threading.Timer(0.3, killed, (simulator, signal.SIGKILL))
    timer.start()
    with pytest.raises(SimulatorError, match="SIGKILL"):
        simulator.advance(60_000)
    timer.join()


def test_a_hanging_process_is_a_simulator_error_within_the_timeout() -> None:
    simulator = Ns3Simulator(timeout_s=1)
    simulator.reset(small(), seed=1)
    killed(simulator, signal.SIGSTOP)
    with pytest.raises(SimulatorError, match="did not answer within"):
        simulator.advance(10)
    simulator.close()


def test_a_hanging_process_does_not_block_a_long_message() -> None:
    process = LineProcess(["sleep", "60"])
    with pytest.raises(SimulatorError, match="did not answer within"):
        process.ask(["x" * 1_000_000], timeout_s=0.2)


def test_the_error_holds_the_last_words_of_the_process() -> None:
    process = LineProcess(["sh", "-c", "echo msg=fatal thing >&2; exit 3"])
    with pytest.raises(SimulatorError, match=r"(?s)exit status 3.*msg=fatal thing"):
        process.ask(["hello"], timeout_s=10)


def test_a_program_that_cannot_start_is_a_simulator_error() -> None:
    with pytest.raises(SimulatorError, match="cannot start /nonexistent"):
        LineProcess(["/nonexistent"])


def test_closing_ends_the_process_and_removes_its_directory(simulator: Ns3Simulator) -> None:
    simulator.reset(small(), seed=1)
    pid = simulator.pid
    directory = Path(f"/proc/{pid}/cwd").readlink()
    assert list(directory.iterdir()) == []
    simulator.close()
    assert not directory.exists()
    assert not Path(f"/proc/{pid}").exists()


def test_the_process_ends_with_its_standard_input() -> None:
    wheel, compiler = build.find_wheel(), build.find_compiler()
    assert compiler is not None
    read, write = os.pipe()
    pid = os.posix_spawn(
        build.build_program(wheel, compiler), ["ns3"], {}, file_actions=[(os.POSIX_SPAWN_DUP2, read, 0)]
    )
    os.close(read)
    os.close(write)
    assert os.waitpid(pid, 0)[1] == 0


def test_a_refused_configuration_says_why(simulator: Ns3Simulator) -> None:
    elsewhere = small().model_copy(update={"channel": Channel(frequency_mhz=3500.0)})
    with pytest.raises(SimulatorError, match="no LTE downlink channel at 3500"):
        simulator.reset(elsewhere, seed=1)
    simulator.close()


@pytest.mark.parametrize("seed", [-1, 2**51])
def test_a_seed_without_a_substream_is_a_value_error(simulator: Ns3Simulator, seed: int) -> None:
    with pytest.raises(ValueError, match="seed"):
        simulator.reset(small(), seed=seed)


def test_twenty_resets_leave_the_memory_where_it_was(simulator: Ns3Simulator) -> None:
    def resident_kb() -> int:
        return int(Path(f"/proc/{simulator.pid}/statm").read_text().split()[1]) * 4

    for _ in range(3):
        simulator.reset(small(), seed=1)
    settled = resident_kb()
    for _ in range(17):
        simulator.reset(small(), seed=1)
    assert resident_kb() < settled + 4_000
    assert resident_kb() < 100_000
    simulator.close()


# ------------------------------------------------------------------ the line protocol
@pytest.mark.parametrize(
    "line", ["", "dance", "advance", "advance x", "advance -5", "gain nowhere 0 0 0", "advance 10 20"]
)
def test_every_line_gets_one_line_of_json(simulator: Ns3Simulator, line: str) -> None:
    simulator.reset(small(), seed=1)
    with pytest.raises(SimulatorError, match="refused"):
        simulator.query(line)
    simulator.close()


def test_the_reply_to_a_good_line_is_json(simulator: Ns3Simulator) -> None:
    simulator.reset(small(), seed=1)
    assert json.loads(simulator.query("hello"))["protocol"] == 1
    simulator.close()


# ------------------------------------------------------------------ wheel and compiler
def test_without_the_wheel_the_error_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SimulatorError, match=r"pip install 'ns3=="):
        Ns3Simulator().reset(small(), seed=1)
    assert Ns3Simulator().version.startswith("missing+")
    assert ns3_status().wheel_version is None


def test_a_compiler_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler = tmp_path / "g++"
    compiler.write_text(
        "#!/bin/sh\n[ \"$1\" = --version ] && exit 0\necho 'main.cc:1: no such thing' >&2\nexit 1\n"
    )
    compiler.chmod(0o755)
    monkeypatch.setattr(build, "find_compiler", lambda: str(compiler))
    monkeypatch.setattr("sixgym.simulators.ns3.simulator.find_compiler", lambda: str(compiler))
    with pytest.raises(SimulatorError, match=r"(?s)cannot compile.*main.cc:1: no such thing"):
        Ns3Simulator().reset(small(), seed=1)
    assert not ns3_status().compiled


def test_the_version_names_ns3_and_the_sources() -> None:
    version = Ns3Simulator().version
    assert version.startswith("3.44")
    assert version.endswith(build.source_digest())


def test_the_program_is_in_the_users_cache_once_it_was_used(simulator: Ns3Simulator) -> None:
    simulator.reset(small(), seed=1)
    simulator.close()
    assert ns3_status().compiled
    assert any((platformdirs.user_cache_path("sixgym") / "ns3").iterdir())


def test_importing_the_simulator_does_not_import_ns3() -> None:
    process = LineProcess(
        [
            sys.executable,
            "-c",
            "import sys, sixgym.simulators.ns3; print('ns' in sys.modules or 'cppyy' in sys.modules)",
        ]
    )
    assert process.ask([""], timeout_s=60) == b"False"
    process.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_without_a_compiler_the_numbers_are_the_same() -> None:
    compiled, in_memory = Ns3Simulator(), Ns3Simulator(compiler="never")
    try:
        assert in_memory.reset(small(), seed=1) == compiled.reset(small(), seed=1)
        assert in_memory.advance(200) == compiled.advance(200)
        assert in_memory.reset(small(), seed=2) == compiled.reset(small(), seed=2)
    finally:
        compiled.close()
        in_memory.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_may_build_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platformdirs, "user_cache_path", lambda name: tmp_path / name)
    wheel, compiler = build.find_wheel(), build.find_compiler()
    assert compiler is not None
    build_one = partial(build.build_program, wheel, compiler)
    programs: list[Path] = []
    threads = [threading.Thread(target=lambda: programs.append(build_one())) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert programs[0] == programs[1]
    assert [path.name for path in programs[0].parent.iterdir()] == [programs[0].name]


def test_the_process_ends_with_a_parent_that_is_killed_in_a_long_interval(tmp_path: Path) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from sixgym.simulators.ns3 import Ns3Simulator\n"
        "from tests.networks import small\n"
        "simulator = Ns3Simulator(timeout_s=600)\n"
        "simulator.reset(small(), seed=1)\n"
        "print(simulator.pid, flush=True)\n"
        "simulator.advance(3_600_000)\n"
    )
    root = str(ROOT)
    with subprocess.Popen(
        [sys.executable, "-c", script, root], stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as parent:
        assert parent.stdout is not None
        child = Path("/proc", parent.stdout.readline().strip())
        assert child.exists()
        parent.kill()
    for _ in range(100):
        if not child.exists():
            break
        time.sleep(0.05)
    assert not child.exists()


def test_an_interrupted_question_leaves_no_answer_to_the_next(simulator: Ns3Simulator) -> None:
    class AlarmError(Exception):
        pass

    def ring(*_: object) -> None:
        raise AlarmError

    before = signal.signal(signal.SIGALRM, ring)
    try:
        simulator.reset(small(), seed=1)
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(AlarmError):
            simulator.advance(600_000)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert simulator.reset(small(), seed=2).end_ms == 0
    assert simulator.advance(100).end_ms == 100
    simulator.close()


def test_a_change_cannot_smuggle_in_a_second_command(simulator: Ns3Simulator) -> None:
    simulator.reset(small(), seed=1)
    with pytest.raises(SimulatorError, match="control characters"):
        simulator.apply(ScaleTraffic("control 1\nscale control", 2.0))
    simulator.close()


def test_the_environment_does_not_reach_ns3(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = Ns3Simulator()
    expected = plain.reset(small(), seed=1)
    plain.close()
    monkeypatch.setenv("NS_ATTRIBUTE_DEFAULT", "ns3::LteUePhy::TxPower=0;ns3::LteEnbPhy::MacToChannelDelay=5")
    other = Ns3Simulator()
    assert other.reset(small(), seed=1) == expected
    other.close()


def test_a_cache_that_cannot_be_used_is_a_simulator_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(SimulatorError, match="set XDG_CACHE_HOME"):
        Ns3Simulator().reset(small(), seed=1)
