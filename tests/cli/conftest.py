"""The command line on the fluid simulator, and a way to run it."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from sixgym.cli.app import app
from sixgym.simulators import factory
from tests.doubles import FluidSimulator

Sixgym = Callable[..., Result]


@pytest.fixture(autouse=True)
def fluid(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks for tests: `fluid` works, `fragile` breaks after 3 intervals, `missing` never starts."""
    monkeypatch.setitem(factory.SIMULATORS, "fluid", FluidSimulator)
    monkeypatch.setitem(factory.SIMULATORS, "fragile", lambda: FluidSimulator(fail_after=3))
    monkeypatch.setitem(factory.SIMULATORS, "missing", lambda: FluidSimulator(fail_on_reset=True))


@pytest.fixture
def sixgym() -> Sixgym:
    """Runs `sixgym ARGUMENTS` in this process."""

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return invoke
