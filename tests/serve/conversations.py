"""An MCP client in a conversation with the server, and the same turns in this process."""

from collections.abc import Awaitable, Callable

import anyio
import pytest
from mcp import Client

from sixgym.backends.simulated import SimulatedBackend
from sixgym.envs.environment import Environment
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import Turn
from tests.doubles import FluidSimulator
from tests.serve.clients import Place, small_task

ERAS = pytest.mark.parametrize("mode", ["legacy", "auto"])


def with_client(place: Place, what: Callable[[Client], Awaitable[None]], mode: str = "legacy") -> None:
    async def main() -> None:
        async with place.client(mode) as client:
            await what(client)

    anyio.run(main)


def in_process(*turns: Turn) -> Observation:
    environment = Environment(SimulatedBackend(FluidSimulator()))
    observation = environment.reset(small_task())
    for turn in turns:
        observation, _, _ = environment.step(turn)
    return observation
