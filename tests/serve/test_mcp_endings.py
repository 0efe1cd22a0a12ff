"""MCP: how a task ends, and what a client learns when something breaks."""

import asyncio
import json
from typing import Any

import anyio
import pytest
from mcp import Client, MCPError
from mcp_types import INTERNAL_ERROR, Implementation

from sixgym.domain.measurement import Interval
from sixgym.episodes.episode import Task
from sixgym.serve.mcp import FINISH, make_server
from tests.doubles import FluidSimulator
from tests.serve.clients import Faulty, Place, small_task, text_of
from tests.serve.conversations import ERAS, with_client


@ERAS
def test_finishing_is_recorded_and_says_nothing_of_the_verdict(mode: str) -> None:
    place = Place()

    async def check(client: Client) -> None:
        await client.call_tool("check_network_state", {})
        result = await client.call_tool(FINISH, {"answer": "answer: gnb-1"})
        assert not result.is_error
        assert place.kept[0].answer == "answer: gnb-1"
        assert place.running == 0
        said = text_of(result).lower()
        assert not any(word in said for word in ("met", "violat", "success", "fail", "verdict"))
        again = await client.call_tool("check_network_state", {})
        assert again.is_error
        assert "the task is finished" in text_of(again)

    with_client(place, check, mode)
    assert len(place.kept) == 1


def test_an_answer_that_is_none_does_not_end_the_task() -> None:
    place = Place()

    async def check(client: Client) -> None:
        for wrong in ({}, {"answer": 3}, {"answer": "x", "success": True}, {"answer": "x" * 20_001}):
            assert (await client.call_tool(FINISH, wrong)).is_error
        assert not (await client.call_tool("check_network_state", {})).is_error

    with_client(place, check)
    assert place.kept[0].answer is None


def test_a_spent_budget_is_an_error_that_says_so() -> None:
    place = Place(task=small_task(max_steps=2))

    async def check(client: Client) -> None:
        for left in (1, 0):
            result = await client.call_tool("check_network_state", {})
            assert json.loads(text_of(result))["calls_left"] == left
        beyond = await client.call_tool("check_network_state", {})
        assert beyond.is_error
        assert "all 2 calls are spent" in text_of(beyond)

    with_client(place, check)
    assert place.kept[0].truncated


def test_a_broken_network_ends_its_session_with_a_clear_error() -> None:
    place = Place(make=lambda: FluidSimulator(fail_after=1))

    async def check(client: Client) -> None:
        await client.call_tool("check_network_state", {})
        for _ in range(2):
            result = await client.call_tool("check_network_state", {})
            assert result.is_error
            assert "the network broke (the test simulator broke); connect again" in text_of(result)
        with pytest.raises(MCPError, match="the network broke"):
            await client.read_resource("sixgym://state")

    with_client(place, check)
    assert place.kept[0].infrastructure_failure == "the test simulator broke"


@ERAS
def test_of_a_fault_of_ours_a_client_learns_only_that_there_was_one(mode: str) -> None:
    place = Place(make=Faulty)

    async def check(client: Client) -> None:
        await client.call_tool("check_network_state", {})
        with pytest.raises(MCPError) as error:
            await client.call_tool("check_network_state", {})
        assert error.value.code == INTERNAL_ERROR
        assert "secret" not in str(error.value)
        assert "the server failed; connect again" in text_of(await client.call_tool("heartbeat", {}))

    with_client(place, check, mode)
    assert "a secret" in str(place.kept[0].infrastructure_failure)


class Confused(FluidSimulator):
    """Builds a record of ours wrongly, in its third interval."""

    def advance(self, duration_ms: int) -> Interval:
        if self.advances >= 1:
            Task.model_validate({"a secret": 1})
        return super().advance(duration_ms)


@ERAS
def test_a_record_of_ours_that_is_invalid_is_not_the_clients_mistake(
    mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def check(client: Client) -> None:
        await client.call_tool("heartbeat", {"uav": "drone-1"})
        with pytest.raises(MCPError) as error:
            await client.call_tool("heartbeat", {"uav": "drone-1"})
        assert error.value.code == INTERNAL_ERROR
        assert "secret" not in str(error.value)

    with_client(Place(make=Confused), check, mode)
    assert "tools/call failed" in caplog.text
    assert "ValidationError" in caplog.text


@pytest.mark.filterwarnings(
    "ignore::mcp.shared.exceptions.MCPDeprecationWarning"
)  # of ping, yet many send it
def test_whatever_a_client_sends_ends_its_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    idle_s = 123.0
    begun: list[float] = []

    async def check(client: Client) -> None:
        loop = asyncio.get_running_loop()
        call_later = loop.call_later

        def watched(delay: float, *rest: Any, **named: Any) -> asyncio.TimerHandle:
            if delay == idle_s:
                begun.append(delay)
            return call_later(delay, *rest, **named)

        monkeypatch.setattr(loop, "call_later", watched)
        for ask in (
            client.send_ping,
            client.list_tools,
            lambda: client.read_resource("sixgym://intent"),
            lambda: client.call_tool("heartbeat", {"uav": "drone-1"}),
        ):
            before = len(begun)
            await ask()
            assert len(begun) > before

    with_client(Place(idle_s=idle_s), check, "legacy")


def test_the_record_names_the_client_in_letters_that_files_may_have() -> None:
    place = Place()

    async def main() -> None:
        who = Implementation(name="../Rogue\n{x}" + "y" * 99, version="1")
        async with Client(make_server(place.sessions), mode="legacy", client_info=who) as client:
            await client.call_tool("check_network_state", {})

    anyio.run(main)
    assert place.kept[0].agent.startswith("mcp-..-Rogue-x-y")
    assert len(place.kept[0].agent) < 60
