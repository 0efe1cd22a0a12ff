"""HTTP with a deadline for a whole request and a largest size of a reply.

The timeouts of HTTP libraries are for one read, so a server that sends a byte a second keeps a request
alive for ever. Here every read and write of a connection gets the time that is left for the request.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore2
import httpx2

LONGEST_CONNECT_S = 10.0
_IDLE_S = 30.0
_HEADERS_KEPT = (b"retry-after",)


class AttemptError(Exception):
    """The server sent no whole reply. The message is a clause without secrets."""


class NoContactError(AttemptError):
    """The connection could not be made."""


class TooSlowError(AttemptError):
    """The time for the request is over."""


class BrokenConnectionError(AttemptError):
    """The connection ended before the reply did."""


class TooLongError(AttemptError):
    """The reply is larger than allowed, or compressed, so that its size is not known."""


class _Allowance(threading.local):
    """Time and bytes that are left to the request of this thread."""

    deadline_s: float = 0.0
    left_bytes: int = 0


class _Meter:
    def __init__(self, timeout_s: float, largest_bytes: int, now: Callable[[], float]) -> None:
        self._timeout_s = timeout_s
        self._largest_bytes = largest_bytes
        self._now = now
        self._allowance = _Allowance()

    def start(self) -> None:
        self._allowance.deadline_s = self._now() + self._timeout_s
        self._allowance.left_bytes = self._largest_bytes

    def left_s(self) -> float:
        left_s = self._allowance.deadline_s - self._now()
        if left_s <= 0:
            raise TooSlowError(f"took longer than {self._timeout_s:g} s")
        return left_s

    def count(self, size_bytes: int) -> None:
        self._allowance.left_bytes -= size_bytes
        if self._allowance.left_bytes < 0:
            raise TooLongError(f"sent more than {self._largest_bytes} bytes")

    @contextmanager
    def translating(self) -> Generator[None]:
        """Turn the library's exceptions into ours."""
        try:
            yield
        except httpcore2.ConnectTimeout:
            raise NoContactError("did not answer in time") from None
        except httpcore2.TimeoutException:
            raise TooSlowError(f"took longer than {self._timeout_s:g} s") from None
        except (httpcore2.ConnectError, httpcore2.ProxyError) as error:
            raise NoContactError(f"cannot be reached: {error}") from None
        except (httpcore2.NetworkError, httpcore2.RemoteProtocolError) as error:
            raise BrokenConnectionError(f"broke the connection: {error}") from None
        except httpcore2.LocalProtocolError:
            raise BrokenConnectionError("cannot be sent this request") from None


class _Stream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream, meter: _Meter) -> None:
        self._inner = inner
        self._meter = meter

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = self._inner.read(max_bytes, self._meter.left_s())
        self._meter.count(len(data))
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._meter.left_s())

    def close(self) -> None:
        # a thread that waits for data is not woken by a close alone
        connection = self._inner.get_extra_info("socket")
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        limit_s = min(LONGEST_CONNECT_S, self._meter.left_s())
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, limit_s), self._meter)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _MeteredNetwork(httpcore2.SyncBackend):
    def __init__(self, meter: _Meter) -> None:
        self._meter = meter

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        limit_s = min(LONGEST_CONNECT_S, self._meter.left_s())
        return _Stream(super().connect_tcp(host, port, limit_s, local_address, socket_options), self._meter)


class BoundedTransport(httpx2.BaseTransport):
    """Sends requests to one server, directly or through the proxy that the environment names."""

    def __init__(
        self, address: str, *, timeout_s: float, largest_bytes: int, local: bool, now: Callable[[], float]
    ) -> None:
        """A transport without a connection yet.

        Args:
            address: Base URL of the server.
            timeout_s: Limit for a request and its whole reply, in seconds.
            largest_bytes: Largest size of a reply with its headers.
            local: Whether the server is on this machine, where no proxy is used.
            now: Returns the time in seconds, from any origin.

        Raises:
            ValueError: the environment names a proxy of a kind that is not supported.
        """
        self._meter = _Meter(timeout_s, largest_bytes, now)
        # reading the certificates of authorities takes 20 ms
        context = httpx2.create_ssl_context() if address.startswith("https:") else None
        self._pool = _pool(None if local else _proxy(address), _MeteredNetwork(self._meter), context)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and read the whole reply.

        Raises:
            AttemptError: the server sent no whole reply.
        """
        self._meter.start()
        with self._meter.translating():
            reply = self._pool.request(
                request.method, str(request.url), headers=request.headers.raw, content=request.read()
            )
        headers = {name.lower(): value for name, value in reply.headers}
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            raise TooLongError("compressed its reply, though asked not to")
        # all other headers are dropped: a reply is UTF-8 and a conversation is in its messages, so a
        # character set or a cookie of the server could only do harm
        kept = [(name, headers[name]) for name in _HEADERS_KEPT if name in headers]
        return httpx2.Response(reply.status, headers=kept, content=reply.content, request=request)

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


def _pool(
    proxy: str | None, network: _MeteredNetwork, context: ssl.SSLContext | None
) -> httpcore2.ConnectionPool:
    if proxy is None:
        return httpcore2.ConnectionPool(
            ssl_context=context, max_connections=None, keepalive_expiry=_IDLE_S, network_backend=network
        )
    parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(
            "the environment names a proxy of another kind than HTTP: set HTTPS_PROXY to an http:// address"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return httpcore2.HTTPProxy(
        proxy_url=f"{parts.scheme}://{host}:{port}/",
        proxy_auth=(unquote(parts.username), unquote(parts.password or "")) if parts.username else None,
        ssl_context=context,
        max_connections=None,
        keepalive_expiry=_IDLE_S,
        network_backend=network,
    )


def _proxy(address: str) -> str | None:
    parts = urlsplit(address)
    proxies = getproxies()
    if proxy_bypass(parts.hostname or ""):
        return None
    return proxies.get(parts.scheme) or proxies.get("all")
