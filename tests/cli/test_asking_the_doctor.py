"""`sixgym doctor`: it says what works, and what to do about what does not."""

from collections.abc import Callable

import pytest

from sixgym.cli import doctor
from sixgym.simulators import factory
from sixgym.simulators.ns3.build import Ns3Status
from tests.cli.conftest import Sixgym
from tests.doubles import FluidSimulator

Machine = Callable[..., None]


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Makes this machine look as if it had, or had not, what ns-3 needs."""

    def pretend(
        wheel: str | None, compiler: str | None, *, compiled: bool = False, works: bool = True
    ) -> None:
        monkeypatch.setattr(doctor, "ns3_status", lambda: Ns3Status(wheel, compiler, compiled))
        monkeypatch.setitem(factory.SIMULATORS, "ns3", lambda: FluidSimulator(fail_on_reset=not works))

    return pretend


def test_a_healthy_machine_is_told_so(sixgym: Sixgym, machine: Machine) -> None:
    machine("3.44", "/usr/bin/g++", compiled=True)
    result = sixgym("doctor")
    assert result.exit_code == 0
    assert "missing" not in result.stdout
    assert "uav-inspection in" in result.stdout


def test_without_the_wheel_it_says_how_to_install_it(sixgym: Sixgym, machine: Machine) -> None:
    machine(None, "/usr/bin/g++")
    result = sixgym("doctor")
    assert result.exit_code == 1
    assert "-m pip install 'ns3==" in result.stdout
    assert "not usable" in result.stderr


def test_without_a_compiler_ns3_is_usable(sixgym: Sixgym, machine: Machine) -> None:
    machine("3.44", None)
    result = sixgym("doctor")
    assert result.exit_code == 0
    assert "apt install g++" in result.stdout


def test_an_installed_ns3_that_does_not_start_is_found_out(sixgym: Sixgym, machine: Machine) -> None:
    machine("3.44", "/usr/bin/g++", works=False)
    result = sixgym("doctor")
    assert result.exit_code == 1
    assert "the test simulator does not start" in result.stdout
