"""`sixgym doctor`: it says what works, and what to do about what does not."""

import importlib.metadata
from collections.abc import Callable

import pytest

from sixgym.cli import doctor
from sixgym.domain.extras import installed_versions
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
    monkeypatch.setitem(factory.SIMULATORS, "experiment-model", FluidSimulator)

    def pretend(
        wheel: str | None,
        compiler: str | None,
        *,
        compiled: bool = False,
        works: bool = True,
        extras: str | None = "1.0",
    ) -> None:
        monkeypatch.setattr(doctor, "ns3_status", lambda: Ns3Status(wheel, compiler, compiled))
        monkeypatch.setattr(doctor, "installed_versions", lambda extra: {f"{extra}-package": extras})
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
    assert result.stdout.count("starts uav-inspection in") == 3


def test_ns3_is_optional_and_it_says_how_to_install_it(sixgym: Sixgym, machine: Machine) -> None:
    machine(None, "/usr/bin/g++", works=False)
    result = sixgym("doctor")
    assert result.exit_code == 0
    assert states(result.stdout)["tti"] == "ok"
    assert states(result.stdout)["ns-3"] == "note"
    assert "-m pip install 'ns3==" in result.stdout


def test_extras_that_are_missing_are_noted_with_how_to_install_them(
    sixgym: Sixgym, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["numpy>=1.26", 'one>=3.9; extra == "holdout"', "two>=1.4 ; extra == 'holdout'"]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: lines)
    machine("3.44", "/usr/bin/g++", extras=None)
    result = sixgym("doctor")
    assert result.exit_code == 0
    assert [states(result.stdout)[extra] for extra in ("rl", "holdout", "plot")] == ["note"] * 3
    assert "only sixgym bench holdout needs it" in result.stdout
    assert "-m pip install 'one>=3.9' 'two>=1.4'\n" in result.stdout
    assert "-m pip install '.[rl]'\n" in result.stdout, "as in the README, where the package does not say"


def test_the_versions_of_an_extra_are_those_of_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ['pytest>=8; extra == "dev"', 'no-such-package[x]==1; extra == "dev"', 'rich; extra == "devel"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: lines)
    assert installed_versions("dev") == {"pytest": pytest.__version__, "no-such-package": None}


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


def test_the_experiment_model_is_started_where_its_libraries_are(
    sixgym: Sixgym, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine("3.44", "/usr/bin/g++", compiled=True)
    monkeypatch.setitem(factory.SIMULATORS, "experiment-model", lambda: FluidSimulator(fail_on_reset=True))
    result = sixgym("doctor")
    assert result.exit_code == 1
    assert states(result.stdout)["experiment-model"] == "broken"
    machine("3.44", "/usr/bin/g++", compiled=True, extras=None)
    without = sixgym("doctor")
    assert without.exit_code == 0
    assert "experiment-model" not in states(without.stdout)
