"""A network that has to be compiled first: the user is told why the start takes long."""

import threading
from pathlib import Path

import pytest

from sixgym.cli.output import starting
from sixgym.domain.measurement import Interval
from sixgym.domain.scenario import Scenario
from sixgym.simulators import factory
from tests.cli.conftest import Sixgym
from tests.doubles import FluidSimulator

COMMANDS = {
    "run": ("run", "--agent", "null", "--network", "compiling", "--out"),
    "simulate": ("simulate", "uav-inspection", "--network", "compiling", "--out"),
}


@pytest.fixture
def compiling(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network that does not start before the user has been told to wait."""
    told = threading.Event()
    say = starting._say

    def say_and_go_on(network: str) -> None:
        say(network)
        told.set()

    class Compiling(FluidSimulator):
        def reset(self, scenario: Scenario, *, seed: int) -> Interval:
            assert told.wait(60)
            return super().reset(scenario, seed=seed)

    monkeypatch.setattr(starting, "PATIENCE_S", 0.01)
    monkeypatch.setattr(starting, "_say", say_and_go_on)
    monkeypatch.setitem(factory.SIMULATORS, "compiling", Compiling)


@pytest.mark.usefixtures("compiling")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_slow_start_is_explained_once_and_apart_from_the_results(
    sixgym: Sixgym, tmp_path: Path, command: str
) -> None:
    result = sixgym(*COMMANDS[command], tmp_path / "t.csv", "--json")
    assert result.exit_code == 0
    assert result.stderr.count("the first time it is compiled") == 1
    assert "compiled" not in result.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_a_quick_start_is_not_talked_about(sixgym: Sixgym, tmp_path: Path, command: str) -> None:
    words = ["fluid" if word == "compiling" else word for word in COMMANDS[command]]
    assert "still starting" not in sixgym(*words, tmp_path / "t.csv").output
