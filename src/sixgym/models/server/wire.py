"""Conversations as JSON of the OpenAI chat completions API, and its replies as completions."""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from sixgym.episodes.messages import Message, Usage, WrittenCall
from sixgym.episodes.storable import storable
from sixgym.models.chat import Completion, Sampling

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_NAME = 64
_LONGEST_ID = 256
_DEEPEST = 100

_FIELDS_OF_A_MESSAGE = frozenset({"role", "content", "tool_calls"})
_FIELDS_OF_A_CALL = frozenset({"id", "type", "index", "function"})
_FIELDS_OF_A_FUNCTION = frozenset({"name", "arguments"})
_WRITTEN_HERE = frozenset({"role", "tool_calls", "tool_call_id", "id", "type"})
_NOT_SENT_BACK = frozenset({"refusal", "annotations", "audio", "function_call"})
"""Fields of the API that belong to replies only, or that a request has in another form."""

EXTRA = "messages."
"""Prefix of an extra field's name in the set of parameters that a server refused."""


class MalformedReplyError(ValueError):
    """A reply is not what the API promises. The message says where."""


# ---------------------------------------------------------------------- requests
def request_body(
    model: str,
    messages: Sequence[Message],
    tools: Sequence[Mapping[str, Any]],
    sampling: Sampling,
    unsupported: Collection[str] = (),
) -> dict[str, Any]:
    """The body of a request. It has no parameter that some servers do not know.

    Args:
        model: Name of the model at the server.
        messages, tools, sampling: See `ChatModel.complete`.
        unsupported: Parameters that this server refused; `messages.NAME` is an extra field of messages.
    """
    # reasoning models behind hosted APIs take the longest completion by its newer name
    longest = "max_completion_tokens" if "max_tokens" in unsupported else "max_tokens"
    body: dict[str, Any] = {
        "model": model,
        "messages": [wire_message(message, unsupported) for message in messages],
        longest: sampling.max_tokens,
    }
    if "temperature" not in unsupported:
        body["temperature"] = sampling.temperature
    if sampling.seed is not None and "seed" not in unsupported:
        body["seed"] = sampling.seed
    if tools:
        body["tools"] = [dict(tool) for tool in tools]
    return body


def wire_message(message: Message, unsupported: Collection[str] = ()) -> dict[str, Any]:
    """One message of a conversation. Names and arguments that servers refuse are altered.

    Extra fields are sent as they came. One of them may be `content`: text in parts of several kinds.
    """
    extra = _sent_back(message.extra, unsupported)
    data: dict[str, Any] = {"role": message.role, "content": message.content, **extra}
    if message.calls:
        data["tool_calls"] = [_wire_call(call, unsupported) for call in message.calls]
    if message.answers is not None:
        data["tool_call_id"] = message.answers
    return data


def extra_names(messages: Sequence[Message]) -> frozenset[str]:
    """Names of all extra fields that go back with a conversation."""
    calls = (call for message in messages for call in message.calls)
    return frozenset(name for part in (*messages, *calls) for name in part.extra)


def _wire_call(call: WrittenCall, unsupported: Collection[str]) -> dict[str, Any]:
    extra = _sent_back(call.extra, unsupported)
    function = extra.get("function")
    return {
        **extra,
        "id": call.id,
        "type": "function",
        "function": {
            **(function if isinstance(function, dict) else {}),
            "name": _name(call.tool),
            "arguments": _arguments(call.arguments),
        },
    }


def _sent_back(extra: Mapping[str, JsonValue], unsupported: Collection[str]) -> dict[str, JsonValue]:
    return {
        name: value
        for name, value in extra.items()
        if name not in _WRITTEN_HERE and EXTRA + name not in unsupported
    }


def _name(tool: str) -> str:
    return _NOT_IN_NAMES.sub("_", tool)[:_LONGEST_NAME] or "_"


def _arguments(text: str) -> str:
    # Chat templates read the arguments of past calls: vLLM, llama.cpp and Ollama refuse a conversation
    # in which they are no JSON object, so one bad call would cost the episode.
    try:
        proper = isinstance(json.loads(text, parse_constant=_no_number), dict)
    except (ValueError, RecursionError):
        proper = False
    return text if proper else json.dumps({"malformed": text}, ensure_ascii=False)


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


# ---------------------------------------------------------------------- replies
class _Wire(BaseModel):
    """Part of a reply. Servers add keys of their own."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class _Part(_Wire):
    text: str = ""


class _Function(_Wire):
    name: Annotated[str, Field(min_length=1)]
    arguments: str | dict[str, Any] | None = None


class _Call(_Wire):
    id: Any = None
    function: _Function


class _Answer(_Wire):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: list[_Call] | None = None


class _Choice(_Wire):
    message: _Answer
    finish_reason: Any = None


class _Reply(_Wire):
    choices: Annotated[list[_Choice], Field(min_length=1)]
    usage: Any = None


def read_json(body: bytes, clean: Callable[[str], str] = storable) -> Any:
    """A reply's JSON with every text in it cleaned.

    Raises:
        MalformedReplyError: the body is no JSON, or nested too deep.
    """
    try:
        data = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise MalformedReplyError("it is not JSON") from None
    return _cleaned(data, clean)


def completion(data: Any, turn: int) -> Completion:
    """The first choice of a reply.

    Args:
        data: The reply, from `read_json`.
        turn: Position of the reply in the conversation; names the calls that came without an id.

    Raises:
        MalformedReplyError: the reply is no chat completion.
    """
    try:
        reply = _Reply.model_validate(data)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(step) for step in problem["loc"])
        raise MalformedReplyError(f"{place or 'reply'}: {problem['msg']}") from None
    choice = reply.choices[0]
    answer, message = choice.message, cast("dict[str, Any]", data["choices"][0]["message"])
    reasoning = next(
        (text for text in (answer.reasoning_content, answer.reasoning) if isinstance(text, str)), ""
    )
    return Completion(
        content=_text(answer.content) or answer.refusal or "",
        reasoning=reasoning,
        calls=_calls(answer.tool_calls or [], message.get("tool_calls") or [], turn),
        usage=_usage(reply.usage),
        cut_off=choice.finish_reason == "length",
        extra=_extra_of_message(message),
    )


def _text(content: str | list[_Part] | None) -> str:
    if isinstance(content, list):
        return "".join(part.text for part in content)
    return content or ""


def _extra_of_message(message: Mapping[str, Any]) -> dict[str, JsonValue]:
    extra = _extra(message, _FIELDS_OF_A_MESSAGE | _NOT_SENT_BACK)
    content = message.get("content")
    if isinstance(content, list) and any(
        part.keys() - {"type", "text"} for part in cast("list[dict[str, Any]]", content)
    ):
        extra["content"] = cast("JsonValue", content)  # such as the thoughts of Mistral's models
    return extra


def _extra_of_call(call: Mapping[str, Any]) -> dict[str, JsonValue]:
    extra = _extra(call, _FIELDS_OF_A_CALL)
    function = _extra(call["function"], _FIELDS_OF_A_FUNCTION)
    return {**extra, "function": function} if function else extra


def _extra(fields: Mapping[str, Any], known: Collection[str]) -> dict[str, JsonValue]:
    """The fields that are not part of the API, without empty ones: null, empty text, empty lists."""
    return {
        name: value
        for name, value in fields.items()
        if name not in known and value is not None and value not in ("", [], {})
    }


def _calls(calls: Sequence[_Call], raw: Sequence[Mapping[str, Any]], turn: int) -> tuple[WrittenCall, ...]:
    taken: set[str] = set()
    result: list[WrittenCall] = []
    for number, (call, fields) in enumerate(zip(calls, raw, strict=True)):
        name = call.id if isinstance(call.id, str) else ""
        if not name or name in taken or len(name) > _LONGEST_ID:
            name = _id(turn, number)
        taken.add(name)
        arguments = call.function.arguments
        if isinstance(arguments, dict):
            arguments = json.dumps(arguments, ensure_ascii=False)
        written = WrittenCall(
            id=name,
            tool=call.function.name,
            arguments=arguments or "{}",  # several servers write none for a call that needs none
            extra=_extra_of_call(fields),
        )
        result.append(written)
    return tuple(result)


def _id(turn: int, number: int) -> str:
    # nine letters and digits: Mistral's chat templates refuse anything else
    return f"c{turn % 100_000:05d}{number % 1000:03d}"


def _usage(data: Any) -> Usage | None:
    if not isinstance(data, dict):
        return None
    usage = cast("dict[str, Any]", data)
    prompt, completed = usage.get("prompt_tokens"), usage.get("completion_tokens")
    for count in (prompt, completed):
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count < 2**53:
            return None
    return Usage(prompt_tokens=cast("int", prompt), completion_tokens=cast("int", completed))


def _cleaned(value: Any, clean: Callable[[str], str], depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise MalformedReplyError(f"it is nested more than {_DEEPEST} deep")
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list):
        return [_cleaned(item, clean, depth + 1) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        entries = cast("dict[str, Any]", value).items()
        return {clean(key): _cleaned(item, clean, depth + 1) for key, item in entries}
    return value
