"""`sixgym doctor`: it says what works, and what to do about what does not."""

from collections.abc import Callable

import pytest

from sixgym.cli import doctor
from sixgym.simulators import factory
from sixgym.simulators.base import Simulator
from sixgym.simulators.ns3.build import Ns3Status
from tests.cli.conftest import Sixgym
from tests.doubles import FluidSimulator

Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Makes this machine look as if it had, or had not, what the networks need."""
    monkeypatch.setitem(factory.SIMULATORS, "tti", FluidSimulator)

    def pretend(
        wheel: str | None, compiler: str | None, *, compiled: bool = False, works: bool = True
    ) -> None:
        monkeypatch.setattr(doctor, "ns3_status", lambda: Ns3Status(wheel, compiler, compiled))
        monkeypatch.setitem(factory.SIMULATORS, "ns3", lambda: FluidSimulator(fail_on_reset=not works))

    return pretend


def states(printed: str) -> dict[str, str]:
    """What was found, by what was looked at; advice has no state."""
    found = (line.split(maxsplit=2) for line in printed.splitlines() if not line.startswith(" "))
    return {what: state for state, what, _ in found}


def test_a_healthy_machine_is_told_so(sixgym: Sixgym, machine: Machine) -> None:
    machine("3.44", "/usr/bin/g++", compiled=True)
    result = sixgym("doctor")
    assert result.exit_code == 0
    assert set(states(result.stdout).values()) == {"ok"}
    assert result.stdout.count("starts uav-inspection in") == 2


def test_ns3_is_optional_and_it_says_how_to_install_it(sixgym: Sixgym, machine: Machine) -> None:
    machine(None, "/usr/bin/g++", works=False)
    result = sixgym("doctor")
    assert result.exit_code == 0
    assert states(result.stdout)["tti"] == "ok"
    assert states(result.stdout)["ns-3"] == "note"
    assert "-m pip install 'ns3==" in result.stdout


def test_without_a_compiler_ns3_is_usable(sixgym: Sixgym, machine: Machine) -> None:
    machine("3.44", None)
    result = sixgym("doctor")
    assert result.exit_code == 0
    assert "apt install g++" in result.stdout


def test_an_installed_ns3_that_does_not_start_is_found_out(sixgym: Sixgym, machine: Machine) -> None:
    machine("3.44", "/usr/bin/g++", works=False)
    result = sixgym("doctor")
    assert result.exit_code == 1
    assert states(result.stdout)["ns3"] == "broken"
    assert "the test simulator does not start" in result.stdout
    assert "ns3 cannot be used here" in result.stderr


def no_numba() -> Simulator:
    raise ImportError("Numba needs NumPy 2.4 or less")


@pytest.mark.parametrize("make", [no_numba, lambda: FluidSimulator(fail_on_reset=True)])
def test_a_broken_tti_is_a_failure_and_the_rest_is_still_looked_at(
    sixgym: Sixgym, machine: Machine, monkeypatch: pytest.MonkeyPatch, make: Callable[[], Simulator]
) -> None:
    machine("3.44", "/usr/bin/g++", compiled=True)
    monkeypatch.setitem(factory.SIMULATORS, "tti", make)
    result = sixgym("doctor")
    assert result.exit_code == 1
    assert states(result.stdout)["tti"] == "broken"
    assert states(result.stdout)["ns3"] == "ok"
    assert "tti cannot be used here" in result.stderr
    assert "Traceback" not in result.output
