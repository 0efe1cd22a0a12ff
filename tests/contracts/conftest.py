"""One simulator per test module: resetting it is part of the contract."""

from collections.abc import Iterator

import pytest

from sixgym.simulators.base import Simulator
from tests.contracts.simulators import SIMULATORS


@pytest.fixture(scope="module", params=sorted(SIMULATORS))
def simulator(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    simulator = SIMULATORS[request.param]()
    yield simulator
    simulator.close()
