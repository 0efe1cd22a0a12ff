import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse as Denied
from starlette.websockets import WebSocket

from sixgym.domain.hosts import is_loopback
from sixgym.serve.guard import Guard

TOKEN = "0123456789abcdef"


async def page(_: Request) -> PlainTextResponse:
    return PlainTextResponse("welcome")


async def channel(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("welcome")
    await websocket.close()


def client(host: str = "127.0.0.1", token: str | None = None, address: str = "127.0.0.1") -> TestClient:
    app = Starlette(routes=[Route("/", page), WebSocketRoute("/ws", channel)])
    return TestClient(Guard(app, host, token), base_url=f"http://{address}:8000")


def test_programs_on_this_machine_come_in() -> None:
    assert client().get("/").text == "welcome"
    assert client(address="localhost").get("/").text == "welcome"
    with client().websocket_connect("ws://127.0.0.1:8000/ws") as websocket:
        assert websocket.receive_text() == "welcome"


def test_names_of_other_machines_are_turned_away() -> None:
    assert client(address="evil.example").get("/").status_code == 421


def test_web_pages_are_turned_away_also_from_websockets() -> None:
    headers = {"Origin": "https://evil.example"}
    assert client().get("/", headers=headers).status_code == 403
    with pytest.raises(Denied), client().websocket_connect("ws://127.0.0.1:8000/ws", headers=headers):
        pass


def test_a_token_is_wanted_where_there_is_one() -> None:
    guarded = client("0.0.0.0", TOKEN, "gym.example")
    assert guarded.get("/").status_code == 401
    assert guarded.get("/", headers={"Authorization": f"Bearer {TOKEN}x"}).status_code == 401
    assert guarded.get("/", headers={"Authorization": f"Bearer {TOKEN}"}).text == "welcome"


def test_the_scheme_of_the_token_may_be_in_any_case_and_is_wanted() -> None:
    guarded = client("0.0.0.0", TOKEN, "gym.example")
    assert guarded.get("/", headers={"Authorization": f"bearer {TOKEN}"}).text == "welcome"
    assert guarded.get("/", headers={"Authorization": f"BEARER  {TOKEN}"}).text == "welcome"
    for wrong in (f"Basic {TOKEN}", TOKEN, f"Bearer{TOKEN}", f"Bearer {TOKEN.upper()}", "bearer", ""):
        assert guarded.get("/", headers={"Authorization": wrong}).status_code == 401


@pytest.mark.parametrize(
    "host",
    ["evil.example@127.0.0.1", "127.0.0.1:80:90", "127.0.0.1/x", "127.0.0.1:x", "[::1]x", "[::1", "", " "],
)
@pytest.mark.parametrize("listening", ["127.0.0.1", "0.0.0.0"])
def test_a_host_that_is_no_name_with_a_port_is_refused(listening: str, host: str) -> None:
    assert client(listening).get("/", headers={"Host": host}).status_code == 400


@pytest.mark.parametrize(
    "origin", ["http://evil.example@localhost", "http://localhost:1:2", "localhost", "null"]
)
def test_an_origin_that_is_none_is_refused(origin: str) -> None:
    assert client().get("/", headers={"Origin": origin}).status_code == 403


@pytest.mark.parametrize("everywhere", ["0.0.0.0", "::", "0:0:0:0:0:0:0:0"])
def test_at_every_address_any_name_will_do_however_it_is_written(everywhere: str) -> None:
    guarded = client(everywhere, TOKEN, "gym.example")
    assert guarded.get("/", headers={"Authorization": f"Bearer {TOKEN}"}).text == "welcome"


def test_an_address_of_version_6_is_the_same_however_it_is_written() -> None:
    listening = client("2001:DB8:0:0::1")
    assert listening.get("/", headers={"Host": "[2001:db8::1]:8000"}).text == "welcome"
    assert listening.get("/", headers={"Host": "[2001:db8::2]:8000"}).status_code == 421


def test_loopback_is_what_only_this_machine_reaches() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.1", "example.com", "")))
