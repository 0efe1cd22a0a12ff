"""MCP over streamable HTTP, with one session for every connection.

A connection ends when the client deletes it, is silent for too long, or the server stops; its network ends
with it. The protocol revision of 2026-07-28 has no connections over HTTP: every request stands alone, so the
server could not tell the requests of two clients apart. That revision is refused with the list of revisions
that have connections, and clients fall back to one of them.
"""

import logging
import secrets
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus

import anyio
from anyio.abc import TaskGroup, TaskStatus
from mcp.server import Server
from mcp.server.runner import serve_loop
from mcp.server.streamable_http import MCP_SESSION_ID_HEADER, StreamableHTTPServerTransport
from mcp.server.transport_security import RequestBodyLimitMiddleware
from mcp.shared.inbound import MCP_PROTOCOL_VERSION_HEADER
from mcp_types import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    UNSUPPORTED_PROTOCOL_VERSION,
    ErrorData,
    JSONRPCError,
    UnsupportedProtocolVersionErrorData,
)
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sixgym.domain.hosts import is_loopback
from sixgym.serve.guard import Guard
from sixgym.serve.sessions import ServedClient, Sessions, TooManySessionsError

logger = logging.getLogger(__name__)

PATH = "/mcp"
MAX_BODY_BYTES = 1 << 20
RETRY_AFTER_S = 5
"""Seconds after which a session may be free: about the time in which an abandoned network runs out."""


def make_app(server: Server[ServedClient], sessions: Sessions, *, host: str, token: str | None) -> ASGIApp:
    """The server as an ASGI application with its sessions, at `/mcp`.

    Args:
        server: The MCP server.
        sessions: The sessions of its connections.
        host: Address that the server listens at.
        token: Token that a client has to send as `Authorization: Bearer`.

    Raises:
        ValueError: there is no token, and other machines reach the address.
    """
    if token is None and not is_loopback(host):
        raise ValueError(f"{host} can be reached from other machines, so clients need a token: give one")
    connections = _Connections(server, sessions)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncGenerator[None]:
        async with anyio.create_task_group() as tasks:
            connections.tasks = tasks
            try:
                yield
            finally:
                await sessions.close()
                tasks.cancel_scope.cancel()

    endpoint = Guard(RequestBodyLimitMiddleware(connections, MAX_BODY_BYTES), host, token)
    return Starlette(routes=[Route(PATH, endpoint=endpoint)], lifespan=lifespan)


class _Connections:
    """The connections by session id, which every request except the first carries."""

    def __init__(self, server: Server[ServedClient], sessions: Sessions) -> None:
        self.tasks: TaskGroup | None = None
        self._server = server
        self._sessions = sessions
        self._transports: dict[str, StreamableHTTPServerTransport] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        first = await receive()
        if first["type"] != "http.request" or first.get("more_body", False):
            return  # the whole body arrives at once here, so the client left while it sent the body

        pending = [first]

        async def again() -> Message:
            return pending.pop() if pending else await receive()

        await self._dispatch(scope, again, send)

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        version = headers.get(MCP_PROTOCOL_VERSION_HEADER)
        session_id = headers.get(MCP_SESSION_ID_HEADER)
        if version is not None and version not in HANDSHAKE_PROTOCOL_VERSIONS:
            await _unsupported(version)(scope, receive, send)
        elif session_id is None:
            await self._open(scope, receive, send)
        elif session_id not in self._transports:
            await _error(HTTPStatus.NOT_FOUND, INVALID_REQUEST, "Session not found")(scope, receive, send)
        else:
            await self._transports[session_id].handle_request(scope, receive, send)

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve the request that opens a connection. A refused request leaves no connection."""
        assert self.tasks is not None
        transport = StreamableHTTPServerTransport(secrets.token_hex(16))
        try:
            await self.tasks.start(self._serve, transport)
        except TooManySessionsError as full:
            answer = _error(HTTPStatus.SERVICE_UNAVAILABLE, INTERNAL_ERROR, str(full))
            answer.headers["Retry-After"] = str(RETRY_AFTER_S)
            await answer(scope, receive, send)
            return
        opened = False

        async def watched(message: Message) -> None:
            nonlocal opened
            if message["type"] == "http.response.start":
                opened = message["status"] < HTTPStatus.BAD_REQUEST
            await send(message)

        try:
            await transport.handle_request(scope, receive, watched)
        finally:
            if not opened:
                with anyio.CancelScope(shield=True):
                    await transport.terminate()

    async def _serve(
        self,
        transport: StreamableHTTPServerTransport,
        *,
        task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
    ) -> None:
        """Serve one connection until it ends."""
        session_id = transport.mcp_session_id
        assert session_id is not None
        with anyio.CancelScope() as connection:
            async with self._sessions.client(on_idle=connection.cancel) as client:
                try:
                    async with transport.connect() as (read, write):
                        self._transports[session_id] = transport
                        task_status.started()
                        await serve_loop(
                            self._server, read, write, lifespan_state=client, session_id=session_id
                        )
                except Exception:
                    logger.exception("a connection failed")  # the other connections go on
                finally:
                    self._transports.pop(session_id, None)
                    with anyio.CancelScope(shield=True):
                        await transport.terminate()


def _unsupported(version: str) -> Response:
    detail = UnsupportedProtocolVersionErrorData(
        supported=list(HANDSHAKE_PROTOCOL_VERSIONS), requested=version[:40]
    )
    return _error(
        HTTPStatus.BAD_REQUEST,
        UNSUPPORTED_PROTOCOL_VERSION,
        "a network belongs to a session: open one with initialize",
        detail.model_dump(mode="json"),
    )


def _error(status: HTTPStatus, code: int, message: str, data: object = None) -> Response:
    body = JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=code, message=message, data=data))
    content = body.model_dump_json(by_alias=True, exclude_unset=True)
    return Response(content, status_code=status, media_type="application/json")
