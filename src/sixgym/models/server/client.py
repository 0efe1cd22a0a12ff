"""Language models behind servers that speak the OpenAI chat completions API."""

import ipaddress
import os
import random
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator

from sixgym.domain.base import Positive, Record
from sixgym.domain.extras import install_command
from sixgym.domain.hosts import is_loopback
from sixgym.episodes.messages import Message
from sixgym.episodes.storable import storable
from sixgym.models.chat import Completion, ModelError, ModelUnusableError, Sampling
from sixgym.models.server import tokens
from sixgym.models.server.failure import RequestFailure, RetryVerdict, pause_s, printable, refusal
from sixgym.models.server.gate import Gate
from sixgym.models.server.wire import (
    EXTRA,
    MalformedReplyError,
    completion,
    extra_names,
    read_json,
    request_body,
)

if TYPE_CHECKING:
    import httpx2
    from openai import OpenAI

KEY_VARIABLE = "OPENAI_API_KEY"
ADDRESS_VARIABLE = "OPENAI_BASE_URL"
FORBIDDEN = 403
OPENAI_ADDRESS = "https://api.openai.com/v1"

_ADDRESS = re.compile(r"https?://[A-Za-z0-9_.:\[\]-]+(/[A-Za-z0-9_.~/%:-]*)?")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_SHORTEST_SECRET = 8  # a placeholder for "no key", such as EMPTY or ollama, must not be cut out of texts


def checked_address(url: str) -> str:
    """The base URL of a server without a slash at its end.

    Raises:
        ValueError: the text is no base URL. The message does not repeat it: it may contain a password.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and _is_host(parts.hostname or "") and parts.port != 0
    except ValueError:
        usable = False
    if "@" in url:
        raise ValueError(f"a base URL has no user or password; a key belongs into {KEY_VARIABLE}")
    if not usable or not _ADDRESS.fullmatch(url):
        raise ValueError("a base URL looks like http://127.0.0.1:8000/v1")
    return url.rstrip("/")


def _is_host(host: str) -> bool:
    if ":" in host:
        return ipaddress.ip_address(host).version == 6
    return len(host) < 254 and all(_LABEL.fullmatch(label) for label in host.split("."))


def _is_local(address: str) -> bool:
    """Whether a base URL is on this machine."""
    return is_loopback(urlsplit(address).hostname or "")


class ServerSettings(Record):
    """Model, address and limits of requests. The key comes from the environment alone."""

    # an address may contain a password, which an error must not repeat
    model_config = ConfigDict(hide_input_in_errors=True)

    model: Annotated[str, Field(pattern=r"^[!-~]{1,200}$", description="name of the model at the server")]
    base_url: str | None = Field(
        default=None,
        description=f"address of the API, mostly ending in /v1; by default {ADDRESS_VARIABLE}, else OpenAI",
    )
    timeout_s: Positive = Field(default=180.0, description="limit for a request and its whole reply")
    retries: Annotated[int, Field(ge=0, le=20)] = Field(
        default=6, description="further attempts after a failure that may pass"
    )
    longest_pause_s: Positive = Field(
        default=60.0, description="longest pause between two attempts, even if the server asks for more"
    )
    most_in_flight: Annotated[int, Field(ge=1, le=1024)] = Field(default=64, description="requests at once")
    largest_reply_bytes: Annotated[int, Field(ge=1000)] = Field(default=4_000_000)
    return_token_ids: bool = Field(
        default=False, description="ask for token ids and log-probabilities too, as vLLM gives them"
    )

    @field_validator("base_url")
    @classmethod
    def _address(cls, url: str | None) -> str | None:
        return None if url is None else checked_address(url)


@dataclass(frozen=True, slots=True)
class Clock:
    """Sources of time and randomness, which tests replace.

    Attributes:
        now: Returns the time in seconds, from any origin.
        sleep: Waits for so many seconds; None waits until then or until the model is closed.
        jitter: Returns a random number between 0 and 1.
    """

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], object] | None = None
    jitter: Callable[[], float] = random.Random().random  # agents may seed the global generator


class ServerModel:
    """A chat model behind a server. All threads of a run share one, and with it its gate."""

    def __init__(
        self, settings: ServerSettings, *, gate: Gate | None = None, clock: Clock | None = None
    ) -> None:
        """A model without a connection yet.

        Args:
            settings: Model, address and limits.
            gate: Limit of the requests in flight, to share with other models at the same server; a new one
                by default.
            clock: Sources of time and randomness.

        Raises:
            ModelUnusableError: the key is missing, the address is not usable, or the extra `llm` is not
                installed.
        """
        self._settings = settings
        self._address = _address(settings)
        self._clock = clock or Clock()
        self._gate = gate or Gate(settings.most_in_flight)
        self._closed = threading.Event()
        self._reached = threading.Event()
        self._accepted = threading.Event()
        self._lock = threading.Lock()
        self._unsupported: frozenset[str] = frozenset()
        key = _key(self._address)
        self._secret = key if len(key) >= _SHORTEST_SECRET else None
        self._client = _client(settings, self._address, key, self._clock.now)

    @property
    def name(self) -> str:
        """Name of the model at the server."""
        return self._settings.model

    @property
    def address(self) -> str:
        """Base URL of the server."""
        return self._address

    @property
    def gate(self) -> Gate:
        """The limit of the requests in flight."""
        return self._gate

    @property
    def unsupported(self) -> frozenset[str]:
        """Parameters that the server refused and that are no longer sent.

        They are those of `failure.OPTIONAL`, and extra fields of messages as `messages.NAME`.
        """
        with self._lock:
            return self._unsupported

    def complete(
        self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]], sampling: Sampling
    ) -> Completion:
        """The next message of the assistant. See `ChatModel.complete`."""
        failures = 0
        while True:
            left_out = self.unsupported
            body = request_body(self.name, messages, tools, sampling, left_out)
            if self._settings.return_token_ids:
                body |= tokens.REQUEST
            outcome = self._attempt(body, messages)
            if isinstance(outcome, Completion):
                self._accepted.set()
                return outcome
            if refused := self._refused_parameters(outcome, messages) - left_out:
                self._leave_out(refused)
                continue
            failures += 1
            sentence = self._clean(outcome.sentence)
            if outcome.verdict is RetryVerdict.RUN:
                raise ModelUnusableError(sentence)
            if outcome.verdict is RetryVerdict.REQUEST:
                raise ModelError(sentence)
            if failures > self._settings.retries:
                raise ModelError(f"{sentence} (attempt {failures}, the last)")
            self._pause(failures, outcome.retry_after_s)

    def close(self) -> None:
        """Close all connections. Requests of other threads end with an error."""
        self._closed.set()
        self._client.close()

    def _attempt(self, body: dict[str, Any], messages: Sequence[Message]) -> Completion | RequestFailure:
        with self._gate.passing() as leave:
            reply = self._sent(body)
            outcome = reply if isinstance(reply, RequestFailure) else self._understood(reply, body, messages)
            leave.slow = isinstance(outcome, RequestFailure) and outcome.overloaded
        return outcome

    def _refused_parameters(self, failure: RequestFailure, messages: Sequence[Message]) -> frozenset[str]:
        """The parameters that a request was refused for and that the next one can leave out."""
        if failure.unsupported is not None:
            return frozenset({failure.unsupported})
        if failure.verdict is not RetryVerdict.REQUEST:
            return frozenset()
        # Groq and Cerebras write fields into replies that they refuse in requests: "property
        # 'reasoning_content' is unsupported"
        words = set(re.findall(r"\w+", failure.sentence))
        return frozenset(EXTRA + name for name in extra_names(messages) if name in words)

    def _sent(self, body: dict[str, Any]) -> bytes | RequestFailure:
        """The reply to one request.

        An exception of the SDK refers to the request with its key. It becomes a value here, so that no
        exception of this package has it as its context.
        """
        import httpx2
        import openai

        from sixgym.models.server import bounded

        try:
            reply = self._client.post("/chat/completions", body=body, cast_to=httpx2.Response)
        except RuntimeError:
            if not self._closed.is_set():  # the client says so by nothing more special
                raise
            return RequestFailure(f"the model {self.name} was closed", RetryVerdict.RUN)
        except openai.APIStatusError as error:
            self._reached.set()
            return self._refused(error.response)
        except bounded.NoContactError as error:
            return self._no_contact(str(error))
        except bounded.AttemptError as error:
            self._reached.set()
            slow = isinstance(error, bounded.TooSlowError)
            long = isinstance(error, bounded.TooLongError)
            verdict = RetryVerdict.REQUEST if long else RetryVerdict.AGAIN
            return RequestFailure(
                f"the server at {self._address} {printable(str(error))}", verdict, overloaded=slow
            )
        self._reached.set()
        return reply.content

    def _refused(self, response: "httpx2.Response") -> RequestFailure:
        headers = {key.lower(): value for key, value in response.headers.items()}
        text = self._clean(response.content.decode("utf-8", "replace"))
        failure = refusal(response.status_code, headers, text, model=self.name, address=self._address)
        if response.status_code == FORBIDDEN and self._accepted.is_set():
            # the key is valid: gateways refuse single prompts in this way
            return replace(failure, verdict=RetryVerdict.REQUEST)
        return failure

    def _no_contact(self, clause: str) -> RequestFailure:
        sentence = f"the server at {self._address} {printable(clause)}"
        if self._reached.is_set():
            return RequestFailure(sentence, RetryVerdict.AGAIN, overloaded=True)
        return RequestFailure(f"{sentence}: is it running, and is this its address?", RetryVerdict.RUN)

    def _understood(
        self, reply: bytes, body: Mapping[str, Any], messages: Sequence[Message]
    ) -> Completion | RequestFailure:
        where = f"the server at {self._address}"
        try:
            data = read_json(reply, self._clean)
        except MalformedReplyError as error:  # the page of a gateway, or half a reply
            return RequestFailure(f"{where} sent no reply of the API: {error}", RetryVerdict.AGAIN)
        inner = _status_within(data)
        if inner is not None:  # gateways report a failure of the model's server with status 200
            text = self._clean(reply.decode("utf-8", "replace"))
            return refusal(inner, {}, text, model=self.name, address=self._address)
        try:
            found = completion(data, len(messages))
        except MalformedReplyError as error:
            return RequestFailure(
                f"{where} sent no chat completion: {printable(str(error))}", RetryVerdict.REQUEST
            )
        if not self._settings.return_token_ids:
            return found
        temperature = cast("float | None", body.get("temperature"))
        return replace(
            found, sampled=tokens.sampled(data, messages, model=self.name, temperature=temperature)
        )

    def _clean(self, text: str) -> str:
        text = storable(text)
        return text if self._secret is None else text.replace(self._secret, "[key]")

    def _leave_out(self, parameters: frozenset[str]) -> None:
        with self._lock:
            self._unsupported |= parameters

    def _pause(self, failures: int, asked_s: float | None) -> None:
        wait_s = pause_s(
            failures, asked_s, longest_s=self._settings.longest_pause_s, jitter=self._clock.jitter()
        )
        (self._clock.sleep or self._closed.wait)(wait_s)


def _status_within(data: Any) -> int | None:
    if not isinstance(data, dict) or "choices" in data:
        return None
    error = cast("dict[str, Any]", data).get("error")
    if not isinstance(error, dict):
        return None
    code = cast("dict[str, Any]", error).get("code")
    return code if isinstance(code, int) and 400 <= code < 600 else 502


def _address(settings: ServerSettings) -> str:
    if settings.base_url is not None:
        return settings.base_url
    url = os.environ.get(ADDRESS_VARIABLE) or OPENAI_ADDRESS
    try:
        return checked_address(url)
    except ValueError as error:
        sentence = f"{ADDRESS_VARIABLE} is not usable: {error}"
    raise ModelUnusableError(sentence)


def _key(address: str) -> str:
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if key and not all("!" <= character <= "~" for character in key):
        raise ModelUnusableError(f"{KEY_VARIABLE} contains characters that no key has: copy it again")
    if not key and not _is_local(address):
        raise ModelUnusableError(f"the server at {address} needs a key: set {KEY_VARIABLE}")
    return key or "none"


def _client(settings: ServerSettings, address: str, key: str, now: Callable[[], float]) -> "OpenAI":
    try:
        import httpx2
        import openai

        from sixgym.models.server.bounded import BoundedTransport
    except ImportError:
        sentence = f"a model behind a server needs an extra: {install_command('llm')}"
        raise ModelUnusableError(sentence) from None
    try:
        transport = BoundedTransport(
            address,
            timeout_s=settings.timeout_s,
            largest_bytes=settings.largest_reply_bytes,
            local=_is_local(address),
            now=now,
        )
    except ValueError as error:
        raise ModelUnusableError(str(error)) from None
    return openai.OpenAI(
        api_key=key,
        base_url=address,
        max_retries=0,  # a retry here gives its place at the gate to other requests
        timeout=settings.timeout_s,
        default_headers={"Accept-Encoding": "identity"},
        http_client=httpx2.Client(transport=transport, follow_redirects=False),
    )
