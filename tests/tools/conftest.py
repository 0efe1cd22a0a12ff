import pytest

from sixgym.domain.snapshot import Snapshot
from tests.tools.plant import make_snapshot


@pytest.fixture(name="plant")
def _plant() -> Snapshot:
    return make_snapshot()
