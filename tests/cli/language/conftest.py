"""`sixgym bench` with an agent that asks a model behind a server."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.chat_server import ChatServer
from tests.cli.conftest import Sixgym


@pytest.fixture
def bench(sixgym: Sixgym, tmp_path: Path) -> Callable[..., Any]:
    """Runs `sixgym bench --agent react ARGUMENTS` against a server."""

    def invoke(server: ChatServer, *arguments: object) -> Any:
        model = ("--agent", "react", "--model", "scripted", "--base-url", server.url)
        return sixgym("bench", *model, "--out", tmp_path / "run", *arguments)

    return invoke
