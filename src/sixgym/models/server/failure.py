"""Failures of a request: the reason, whether another attempt may help, and the remedy for the user."""

import enum
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, cast

LONGEST_REASON = 300
"""Characters of a server's own message that are shown."""

OPTIONAL = frozenset({"max_tokens", "temperature", "seed"})
"""Parameters that some models do not take. A request that is refused for one is sent again without it."""

_OVERLOADED = frozenset({408, 429, 503, 504, 529})
_PASSING = frozenset({408, 409, 425, 429})
_WITHOUT_TOOLS = ("--enable-auto-tool-choice", "--jinja", "does not support tools")
_OF_THE_ACCOUNT = frozenset({"insufficient_quota", "billing_hard_limit_reached"})


class RetryVerdict(enum.Enum):
    """The consequence of a failure."""

    AGAIN = "it may pass: try again"
    REQUEST = "this request will never succeed"
    RUN = "no request will ever succeed"


@dataclass(frozen=True, slots=True)
class RequestFailure:
    """One attempt that failed.

    Attributes:
        sentence: The failure and, where the user can do something about it, the remedy.
        verdict: Whether another attempt may help.
        overloaded: Whether the server is overloaded.
        retry_after_s: Time that the server asks to wait, in seconds.
        unsupported: Parameter of the request that this model does not take.
    """

    sentence: str
    verdict: RetryVerdict
    overloaded: bool = False
    retry_after_s: float | None = None
    unsupported: str | None = None


def printable(text: str, longest: int = LONGEST_REASON) -> str:
    """Text of unknown origin on one line, without control characters, of bounded length."""
    kept = "".join(character if character.isprintable() else " " for character in text[: 4 * longest])
    line = " ".join(kept.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def refusal(
    status: int, headers: Mapping[str, str], body: str, *, model: str, address: str
) -> RequestFailure:
    """The failure that an HTTP status other than success stands for.

    Args:
        status: The status.
        headers: Headers, with names in lower case.
        body: Body as the server sent it.
        model, address: Model that was asked for, and base URL of the server.
    """
    error = _error(body)
    code = error.get("code")
    said = printable(_reason(error, body))
    reason = f": {said}" if said else ""
    where = f"the server at {address}"
    remedy = _remedy(status, code, said, printable(model))
    if remedy is not None:
        return RequestFailure(f"{where} {remedy}{reason}", RetryVerdict.RUN)
    if status in _PASSING or status >= 500:
        return RequestFailure(
            f"{where} failed with status {status}{reason}",
            RetryVerdict.AGAIN,
            overloaded=status in _OVERLOADED,
            retry_after_s=retry_after_s(headers.get("retry-after"), datetime.now(UTC)),
        )
    parameter = error.get("param") if code in {"unsupported_parameter", "unsupported_value"} else None
    return RequestFailure(
        f"{where} refused the request ({status}){reason}",
        RetryVerdict.REQUEST,
        unsupported=parameter if parameter in OPTIONAL else None,
    )


def _remedy(status: int, code: object, said: str, model: str) -> str | None:
    """The reason and the remedy of a failure that every other request would meet as well."""
    if status in {401, 403}:  # with a key that has worked, 403 refuses one prompt: see ServerModel
        return f"refused the key ({status}): set OPENAI_API_KEY to one that it takes"
    if status == 402 or code in _OF_THE_ACCOUNT:
        return f"wants a payment first ({status}): add credit to the account of the key"
    if status in {404, 405, 410} or code == "model_not_found":
        return (
            f"has no chat model {model} ({status}): check its name, and the address, which mostly ends in /v1"
        )
    if 300 <= status < 400:
        return f"sends requests elsewhere ({status}): give the address that it points to"
    if any(sign in said for sign in _WITHOUT_TOOLS):
        return f"takes no tool calls ({status}): start it with them, or have calls written as text"
    return None


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Time to wait by a Retry-After header, which has seconds or a date (RFC 9110, section 10.2.3)."""
    if value is None:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value.strip(), re.ASCII):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    wait_s = (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds()
    return max(0.0, wait_s)


def pause_s(attempt: int, asked_s: float | None, *, longest_s: float, jitter: float) -> float:
    """The pause before the next attempt: doubled each time, randomised, and at least what the server asks.

    Args:
        attempt: Number of failed attempts, from 1.
        asked_s: Pause that the server asks for, in seconds; at most `longest_s` of it is granted.
        longest_s: Longest pause, in seconds.
        jitter: Random number between 0 and 1; threads that failed together must not return together.
    """
    doubling_s = min(longest_s, 0.5 * math.ldexp(1.0, min(attempt - 1, 30)))
    wanted_s = doubling_s * (0.5 + 0.5 * jitter)
    return min(longest_s, max(wanted_s, (asked_s or 0.0) * (1 + 0.1 * jitter)))


def _error(body: str) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(data, dict):
        return {}
    data = cast("dict[str, Any]", data)
    error = data.get("error")
    return cast("dict[str, Any]", error) if isinstance(error, dict) else data


def _reason(error: dict[str, Any], body: str) -> str:
    for key in ("message", "error", "detail"):
        value = error.get(key)
        if isinstance(value, str):
            return value
        if value:
            return json.dumps(value)
    return (
        "" if error or body.lstrip().startswith("<") else body
    )  # the HTML page of a gateway has no reason in it
