"""MCP over HTTP: who gets in, who is whose, and what is left when somebody goes."""

import json
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_MODERN_VERSION

from sixgym.domain.hosts import is_loopback
from sixgym.episodes.store import read_episodes
from sixgym.serve.http import MAX_BODY_BYTES, PATH, make_app
from sixgym.serve.mcp import FINISH, make_server
from tests.doubles import FluidSimulator
from tests.serve.clients import TOKEN, Faulty, Place, resource_text, small_task, text_of, wait_until
from tests.serve.test_mcp_stdio import ROOT, command

ACCEPT = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "raw", "version": "1"},
    },
}
CALL = {
    "jsonrpc": "2.0",
    "id": 2,
    "method": "tools/call",
    "params": {"name": "heartbeat", "arguments": {"uav": "drone-1"}},
}


def post(url: str, body: object = HELLO, **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    with httpx2.Client() as client:
        return client.post(url, json=body, headers=ACCEPT | named)


def delete(url: str, session_id: str) -> httpx2.Response:
    with httpx2.Client() as client:
        return client.delete(url, headers={**ACCEPT, "Mcp-Session-Id": session_id})


# ---------------------------------------------------------------------- clients and their networks
def test_32_clients_at_once_have_a_network_each_and_none_sees_anothers() -> None:
    place = Place(task=small_task(max_steps=64, horizon=64))
    number = 32
    found: dict[int, tuple[dict, dict]] = {}

    async def work(url: str, index: int, all_here: anyio.Event, here: list[int]) -> None:
        async with Client(url) as client:
            share = {"slice": "eMBB", "resources": {"dedicated": 0, "min": 0, "max": 50 + index}}
            await client.call_tool("trigger_slice_reallocation", share)
            here.append(index)
            if len(here) == number:
                all_here.set()
            await all_here.wait()
            for _ in range(index % 5):
                await client.call_tool("heartbeat", {"uav": "drone-1"})
            state = json.loads(await resource_text(client, "sixgym://state"))
            slices = await client.call_tool("get_slice_status", {"slice": "eMBB"})
            found[index] = (state, slices.structured_content or {})
            await client.call_tool(FINISH, {"answer": f"answer: {index}"})

    async def main(url: str) -> None:
        all_here, here = anyio.Event(), []
        async with anyio.create_task_group() as tasks:
            for index in range(number):
                tasks.start_soon(work, url, index, all_here, here)

    with place.url() as url:
        anyio.run(main, url)
    for index, (state, status) in found.items():
        assert state["state"]["version"] == 1 + index % 5
        assert status["policy"]["max"] == 50 + index
    assert len(place.simulators) == number
    assert place.running == 0
    answers = {episode.answer: episode for episode in place.kept}
    assert set(answers) == {f"answer: {index}" for index in range(number)}
    for index in range(number):
        assert len(answers[f"answer: {index}"].steps) == 2 + index % 5


def test_a_broken_network_ends_one_session_and_the_others_go_on() -> None:
    make = [FluidSimulator(fail_after=1), FluidSimulator()]
    place = Place(make=lambda: make.pop(0))

    async def main(url: str) -> None:
        async with Client(url) as unlucky, Client(url) as other:
            await unlucky.call_tool("heartbeat", {"uav": "drone-1"})
            await other.call_tool("heartbeat", {"uav": "drone-1"})
            assert "the network broke" in text_of(await unlucky.call_tool("heartbeat", {"uav": "drone-1"}))
            for _ in range(3):
                assert not (await other.call_tool("heartbeat", {"uav": "drone-1"})).is_error

    with place.url() as url:
        anyio.run(main, url)


def test_a_fault_of_ours_in_one_session_costs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    make = [Faulty(), FluidSimulator()]
    place = Place(make=lambda: make.pop(0))

    async def main(url: str) -> None:
        async with Client(url) as other:
            async with Client(url) as unlucky:
                await unlucky.call_tool("heartbeat", {"uav": "drone-1"})
            while place.sessions.number > 1:
                await anyio.sleep(0.01)
            assert not (await other.call_tool("heartbeat", {"uav": "drone-1"})).is_error

    with place.url() as url:
        anyio.run(main, url)
    assert "a session ended by a fault" in caplog.text
    assert "a secret" in str(place.kept[0].infrastructure_failure)


def test_a_client_that_leaves_frees_its_network() -> None:
    place = Place()

    async def main(url: str) -> None:
        async with Client(url) as client:
            await client.call_tool("heartbeat", {"uav": "drone-1"})
            assert place.running == 1

    with place.url() as url:
        anyio.run(main, url)
        wait_until(lambda: place.running == 0)
        wait_until(lambda: place.sessions.number == 0)
    assert place.kept[0].infrastructure_failure is None


def test_a_silent_client_loses_its_session_and_may_open_another() -> None:
    place = Place(idle_s=0.3)

    async def main(url: str) -> None:
        async with Client(url) as client:
            await client.call_tool("heartbeat", {"uav": "drone-1"})
            while place.sessions.number:
                await anyio.sleep(0.02)
            assert place.running == 0
            with pytest.raises(MCPError):
                await client.call_tool("heartbeat", {"uav": "drone-1"})
        async with Client(url) as client:
            assert not (await client.call_tool("heartbeat", {"uav": "drone-1"})).is_error

    with place.url() as url:
        anyio.run(main, url)


def test_a_client_too_many_is_told_so_and_gets_in_when_there_is_room() -> None:
    place = Place(limit=1)
    with place.url() as url:
        first = post(url)
        assert first.status_code == 200
        refused = post(url)
        assert refused.status_code == 503
        assert "1 of 1 sessions are in use" in refused.json()["error"]["message"]
        assert int(refused.headers["retry-after"]) > 0
        assert delete(url, first.headers["mcp-session-id"]).status_code == 200
        wait_until(lambda: place.sessions.number == 0)
        assert post(url).status_code == 200


def test_a_server_that_stops_frees_every_network_and_keeps_every_episode() -> None:
    place = Place()

    async def main(url: str) -> None:
        for _ in range(3):
            client = httpx2.AsyncClient(headers=ACCEPT)
            opened = await client.post(url, json=HELLO)
            await client.post(url, json=CALL, headers={"Mcp-Session-Id": opened.headers["mcp-session-id"]})
            await client.aclose()
        assert place.running == 3

    with place.url() as url:
        anyio.run(main, url)
    assert place.running == 0
    assert [episode.infrastructure_failure for episode in place.kept] == ["the server was stopped"] * 3


def test_requests_that_open_nothing_leave_nothing() -> None:
    place = Place(limit=1)
    with place.url() as url:
        for body in ({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}, {"x": 1}, [1], "text", None):
            assert post(url, body).status_code in range(400, 500)
        wait_until(lambda: place.sessions.number == 0)
        assert post(url).status_code == 200


def test_a_session_id_that_was_not_given_out_is_unknown() -> None:
    with Place().url() as url:
        assert post(url, HELLO, Mcp_Session_Id="0" * 32).status_code == 404


def test_the_revision_without_sessions_is_refused_with_those_that_have_them() -> None:
    place = Place()
    with place.url() as url:
        refused = post(
            url,
            {"jsonrpc": "2.0", "id": 1, "method": "server/discover"},
            MCP_Protocol_Version=LATEST_MODERN_VERSION,
        )
        assert refused.status_code == 400
        assert refused.json()["error"]["data"]["supported"] == list(HANDSHAKE_PROTOCOL_VERSIONS)
    assert place.simulators == []


def test_the_command_serves_where_it_says_and_keeps_what_it_has_when_it_is_told_to_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIXGYM_TOKEN", TOKEN)
    with subprocess.Popen(
        command(tmp_path, "--http", "0"), stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stderr is not None
        url = process.stderr.readline().split()[-1]
        assert post(url).status_code == 401
        token = f"Bearer {TOKEN}"
        opened = post(url, Authorization=token)
        session = opened.headers["mcp-session-id"]
        assert post(url, CALL, Authorization=token, Mcp_Session_Id=session).status_code == 200
        process.terminate()
        process.wait(20)
        said = process.stderr.read()
    assert "the server was stopped" in said
    assert TOKEN not in said
    [episode] = read_episodes(next(tmp_path.glob("*.jsonl")))
    assert len(episode.steps) == 1


def test_who_interrupts_the_command_twice_loses_no_episode_and_sees_no_traceback(tmp_path: Path) -> None:
    with subprocess.Popen(
        command(tmp_path, "--http", "0"), stderr=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stderr is not None
        url = process.stderr.readline().split()[-1]
        session = {"Mcp-Session-Id": post(url).headers["mcp-session-id"]}
        with httpx2.Client(headers=ACCEPT | session) as client:
            client.post(url, json=CALL)
            with client.stream("GET", url) as events:  # keeps the server from ending at once
                assert events.status_code == 200
                process.send_signal(signal.SIGINT)
                with suppress(httpx2.HTTPError):
                    for _ in events.iter_raw():
                        pass
                process.send_signal(signal.SIGINT)
        assert process.wait(20) == 128 + signal.SIGINT
        said = process.stderr.read()
    assert "Traceback" not in said
    [episode] = read_episodes(next(tmp_path.glob("*.jsonl")))
    assert episode.infrastructure_failure == "the server was stopped"


def test_a_client_that_goes_away_in_the_middle_of_an_upload_leaves_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    place = Place(limit=1)
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    accept = "Accept: application/json, text/event-stream\r\nContent-Length: 200\r\n\r\n{"
    with place.url() as url:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", urlsplit(url).port or 0)) as stalled:
                stalled.sendall((head + accept).encode())
        assert post(url).status_code == 200
    assert caplog.text == ""


# ---------------------------------------------------------------------- who gets in
def test_without_the_token_nobody_gets_in() -> None:
    with Place().url(token=TOKEN) as url:
        for wrong in (
            {},
            {"Authorization": TOKEN},
            {"Authorization": f"Bearer {TOKEN}x"},
            {"Authorization": "Bearer"},
        ):
            refused = post(url, HELLO, **wrong)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert TOKEN not in refused.text


def test_with_the_token_the_official_client_works() -> None:
    async def main(url: str) -> None:
        http = httpx2.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"})
        async with http, Client(streamable_http_client(url, http_client=http)) as client:
            assert not (await client.call_tool("heartbeat", {"uav": "drone-1"})).is_error

    with Place().url(token=TOKEN, host="0.0.0.0") as url:
        anyio.run(main, url)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "sixgym.example"])
def test_other_machines_may_only_come_with_a_token(host: str) -> None:
    place = Place()
    assert not is_loopback(host)
    with pytest.raises(ValueError, match="token"):
        make_app(make_server(place.sessions), place.sessions, host=host, token=None)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "[::1", ""])
def test_a_page_that_has_renamed_this_machine_is_turned_away(host: str) -> None:
    with Place().url() as url:
        assert post(url, HELLO, Host=host).status_code in {400, 421}


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost.evil.example:80", "http://[::1"]
)
def test_a_page_of_another_site_is_turned_away(origin: str) -> None:
    with Place().url() as url:
        assert post(url, HELLO, Origin=origin).status_code == 403
    with Place().url(token=TOKEN, host="0.0.0.0") as url:
        assert post(url, HELLO, Origin=origin, Authorization=f"Bearer {TOKEN}").status_code == 403


def test_a_page_of_this_machine_may_come_in() -> None:
    with Place().url() as url:
        assert post(url, HELLO, Origin="http://localhost:6274", Host="localhost:8000").status_code == 200


def test_a_body_that_is_too_long_is_not_read() -> None:
    with Place().url() as url:
        assert post(url, HELLO | {"pad": "x" * MAX_BODY_BYTES}).status_code == 413


def test_whatever_bytes_are_posted_the_server_stays_up() -> None:
    place = Place()
    with place.url() as url, httpx2.Client(headers=ACCEPT) as client:
        session = {"Mcp-Session-Id": client.post(url, json=HELLO).headers["mcp-session-id"]}

        @settings(max_examples=40)
        @given(
            body=st.binary(max_size=60)
            | st.builds(
                lambda name, arguments: json.dumps(
                    {
                        "jsonrpc": "2.0",
                        "id": 1,
                        "method": "tools/call",
                        "params": {"name": name, "arguments": arguments},
                    }
                ).encode(),
                st.sampled_from(["heartbeat", "\ud800", "", 3, None]),
                st.sampled_from(
                    [{}, {"uav": "\udfff"}, {"uav": 10**30}, [], "x", None, {"": {"": [{}] * 9}}]
                ),
            )
        )
        def send(body: bytes) -> None:
            assert client.post(url, content=body, headers=session).status_code < 500

        send()
        listing = client.post(url, json={"jsonrpc": "2.0", "id": 9, "method": "tools/list"}, headers=session)
        assert listing.status_code == 200
