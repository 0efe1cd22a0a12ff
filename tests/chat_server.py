"""A chat completions server on loopback whose answers come from a function.

    def answer(request: dict) -> dict | Reply: ...

    with ChatServer(answer) as server:
        model = ServerModel(ServerSettings(model="scripted", base_url=server.url))

`answer` gets the JSON of a request and runs in the thread of its connection, so it may block; what waits
for `server.closing` ends with the server. A dict is sent as JSON with status 200; a `Reply` can do
whatever a bad server does. `say` and `call` build the dicts, `refuse` builds errors.
"""

import json
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """How a request is answered.

    Attributes:
        body: Sent as JSON unless it is bytes.
        status: HTTP status.
        headers: More headers, or others than usual.
        drop: Close the connection before anything is sent, or in the middle of the body.
        drip: Send a byte at a time, from the status line on or only in the body.
        gap_s: Between the bytes of a drip.
        endless: Send the body again and again until the client hangs up.
        silent: Send nothing until the server is closed.
        raw: Send the body alone, without status and headers.
    """

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: Literal["before", "within"] | None = None
    drip: Literal["all", "body"] | None = None
    gap_s: float = 0.0
    endless: bool = False
    silent: bool = False
    raw: bool = False

    def encoded(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Received:
    """A request as it came in. Keys of `headers` are in lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Json:
        return json.loads(self.body)


class ChatServer:
    """Listens from `with` to its end. `requests` has everything that was asked, in order of arrival."""

    def __init__(self, answer: Callable[[Json], Json | Reply], port: int = 0) -> None:
        self.closing = threading.Event()
        self._answer = answer
        self._lock = threading.Lock()
        self._requests: list[Received] = []
        self._in_flight = 0
        self._most_in_flight = 0
        self._server = _Listener(("127.0.0.1", port), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        """The base URL for a client."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def requests(self) -> list[Received]:
        with self._lock:
            return list(self._requests)

    @property
    def most_in_flight(self) -> int:
        """The most requests that were being answered at once."""
        with self._lock:
            return self._most_in_flight

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up on all clients."""
        if not self.closing.is_set():
            self.closing.set()
            self._server.shutdown()
            self._thread.join()
            self._server.hang_up()
            self._server.server_close()  # waits for the connections' threads

    def answered(self, received: Received) -> Json | Reply:
        """The answer to a request, which is counted while it is found."""
        with self._lock:
            self._requests.append(received)
            self._in_flight += 1
            self._most_in_flight = max(self._most_in_flight, self._in_flight)
        try:
            return self._answer(received.json)
        finally:
            with self._lock:
                self._in_flight -= 1


class _Listener(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = False
    block_on_close = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(address, handler)
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that hangs up is what many tests are about

    def hang_up(self) -> None:
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the client was faster


def _handler(chat: ChatServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {key.lower(): value for key, value in self.headers.items()}
            answer = chat.answered(Received(self.path, headers, body))
            self._send(answer if isinstance(answer, Reply) else Reply(answer))

        def _send(self, reply: Reply) -> None:
            body = reply.encoded()
            if reply.silent:
                chat.closing.wait()
            if reply.silent or reply.drop == "before":
                self.close_connection = True
                return
            head = b"" if reply.raw else self._head(reply, len(body))
            self.close_connection = self.close_connection or reply.raw
            if reply.drip is not None:
                start = 0 if reply.drip == "all" else len(head)
                self.wfile.write(head[:start])
                self._drip((head + body)[start:], reply.gap_s)
            elif reply.drop == "within":
                self.wfile.write(head + body[: len(body) // 2])
                self.close_connection = True
            else:
                self.wfile.write(head + body)
                while reply.endless and not chat.closing.is_set():
                    self.wfile.write(body)

        def _drip(self, data: bytes, gap_s: float) -> None:
            for byte in data:
                self.wfile.write(bytes([byte]))
                if chat.closing.wait(gap_s):
                    return

        def _head(self, reply: Reply, size: int) -> bytes:
            usual = {"Content-Type": "application/json"}
            if reply.endless:
                self.close_connection = True
                usual["Connection"] = "close"
            else:
                usual["Content-Length"] = str(size)
            lines = [f"HTTP/1.1 {reply.status} Scripted"]
            lines += [f"{key}: {value}" for key, value in (usual | dict(reply.headers)).items()]
            return "\r\n".join([*lines, "", ""]).encode("latin-1")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


# ---------------------------------------------------------------------- bodies of replies
def say(
    content: str | None, *, calls: Sequence[Json] = (), tokens: tuple[int, int] | None = (10, 5), **more: Any
) -> Json:
    """A completion with text and calls.

    Args:
        content: The text.
        calls: From `call`.
        tokens: Of prompt and completion; None reports no usage.
        more: Other keys of the message, such as `reasoning_content`.
    """
    message: Json = {"role": "assistant", "content": content, **more}
    if calls:
        message["tool_calls"] = list(calls)
    choice = {"index": 0, "message": message, "finish_reason": "tool_calls" if calls else "stop"}
    body: Json = {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "choices": [choice]}
    if tokens is not None:
        prompt, completion = tokens
        body["usage"] = {
            "prompt_tokens": prompt,
            "completion_tokens": completion,
            "total_tokens": prompt + completion,
        }
    return body


def call(tool: str, arguments: Any, id: str | None = "call_1") -> Json:
    """A tool call; `arguments` that are no text are written as JSON."""
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    data: Json = {"type": "function", "function": {"name": tool, "arguments": text}}
    return data if id is None else {"id": id, **data}


def refuse(status: int, message: str = "no", retry_after: str | None = None, **more: Any) -> Reply:
    """An error as OpenAI's API reports it; `more` are keys such as `code` and `param`."""
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return Reply({"error": {"message": message, **more}}, status=status, headers=headers)
