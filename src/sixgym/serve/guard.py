"""Who may come in to a server: it keeps out web pages, and those without its token."""

import hmac
import ipaddress
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach that address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Guard:
    """Turns away who has no token, and web pages: a page may send requests here under a name of its own.

    The name in `Host` has to be this machine's or the one listened at. Where every address is listened at,
    clients come under names that nobody here knows; there the token alone keeps pages out.
    """

    def __init__(self, app: ASGIApp, host: str, token: str | None) -> None:
        self._app = app
        self._expected = None if token is None else f"Bearer {token}".encode()
        self._any_name = host in {"0.0.0.0", "::"}
        self._names = {*_LOOPBACK_NAMES, host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request or a WebSocket, or refuse it; what concerns the server itself passes."""
        refusal = None if scope["type"] == "lifespan" else self._refusal(Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        if not self._any_name and _name(f"//{headers.get('host', '')}") not in self._names:
            return PlainTextResponse("the Host header names another machine", HTTPStatus.MISDIRECTED_REQUEST)
        origin = headers.get("origin")
        if origin is not None and _name(origin) not in self._names:
            return PlainTextResponse("requests of other web sites are refused", HTTPStatus.FORBIDDEN)
        given = headers.get("authorization", "").encode("latin-1")
        if self._expected is not None and not hmac.compare_digest(given, self._expected):
            return PlainTextResponse(
                "bring the token of this server as Authorization: Bearer",
                HTTPStatus.UNAUTHORIZED,
                headers={"WWW-Authenticate": "Bearer"},
            )
        return None


def _name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
