"""Access to a server: requests of web pages and requests without the token are refused."""

import hmac
import ipaddress
import re
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")

# uri-host [":" port] (RFC 9110 section 7.2) and a serialised origin: one host, at most one port, no user
_HOST = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9._-]+))(?::[0-9]{0,5})?", re.ASCII)
_ORIGIN = re.compile(rf"[A-Za-z][A-Za-z0-9+.-]*://{_HOST.pattern}", re.ASCII)


def is_unspecified(host: str) -> bool:
    """Whether a server that listens at an address listens at every address of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


class Guard:
    """Refuses requests without the token, and requests of web pages, which may come under any host name.

    The name in `Host` has to be a name of this machine, or the name that the server listens at. A server that
    listens at every address cannot know its names; there the token alone keeps web pages out.
    """

    def __init__(self, app: ASGIApp, host: str, token: str | None) -> None:
        self._app = app
        self._expected = None if token is None else token.encode()
        self._any_name = is_unspecified(host)
        self._names = {*_LOOPBACK_NAMES, _canonical(host)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve or refuse a request or a WebSocket. Events of the server itself pass."""
        refusal = None if scope["type"] == "lifespan" else self._refusal(Headers(scope=scope))
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, headers: Headers) -> Response | None:
        host = _name(_HOST, headers.get("host", ""))
        if host is None:
            return PlainTextResponse("the Host header names no machine", HTTPStatus.BAD_REQUEST)
        if not self._any_name and host not in self._names:
            return PlainTextResponse("the Host header names another machine", HTTPStatus.MISDIRECTED_REQUEST)
        origin = headers.get("origin")
        if origin is not None and _name(_ORIGIN, origin) not in self._names:
            return PlainTextResponse("requests of other web sites are refused", HTTPStatus.FORBIDDEN)
        if self._expected is not None and not self._has_token(headers.get("authorization", "")):
            return PlainTextResponse(
                "bring the token of this server as Authorization: Bearer",
                HTTPStatus.UNAUTHORIZED,
                headers={"WWW-Authenticate": "Bearer"},
            )
        return None

    def _has_token(self, authorization: str) -> bool:
        assert self._expected is not None
        scheme, _, given = authorization.partition(" ")  # the scheme in any case (RFC 9110 section 11.1)
        same = hmac.compare_digest(given.strip(" ").encode("latin-1"), self._expected)
        return same and scheme.lower() == "bearer"


def _name(form: re.Pattern[str], text: str) -> str | None:
    """The host in a header, if the header has that form."""
    found = form.fullmatch(text)
    return None if found is None else _canonical(found["v6"] or found["name"])


def _canonical(host: str) -> str:
    """The canonical form of a name or an address: an IPv6 address has many forms."""
    try:
        return ipaddress.ip_address(host).compressed
    except ValueError:
        return host.lower()
