"""Reading a language model's reply as a turn. The text may be hostile: nothing but a turn comes out."""

import re
from typing import cast

from pydantic import JsonValue, ValidationError
from pydantic_core import from_json

from sixgym.agents.llm.prompt import CallStyle
from sixgym.domain.base import first_problem
from sixgym.episodes.episode import ToolCall, Turn
from sixgym.episodes.messages import Message
from sixgym.models.chat import Completion

_THINK = re.compile(r"\s*<think>(.*?)</think>", re.DOTALL)
_BODY = re.compile(r"\s*<(tool_call|answer)>(.*)</\1>\s*", re.DOTALL)
_TAG = re.compile(r"</?(?:tool_call|answer)>")

_FORM = "write <think>...</think>, then one <tool_call>...</tool_call> or one <answer>...</answer>"


def turn_of(completion: Completion, style: CallStyle) -> Turn:
    """The turn of a model's reply: its first call, an answer, or something unreadable.

    Parallel calls are one reply; the agent carries out the others in later turns.
    """
    thought, rest = _thought(completion)
    if style == "text":
        if completion.calls and not rest.strip():
            return unreadable(thought, rest, f"write the call into your text: {_FORM}")
        return _text_turn(thought, rest, cut_off=completion.cut_off)
    if completion.calls:
        first = completion.calls[0]
        call = ToolCall(tool=first.tool, arguments=first.arguments)
        return Turn(thought=_joined(thought, rest), call=call)
    if completion.cut_off:
        return unreadable(thought, rest, "the reply was cut off because it was too long: be brief")
    if not rest.strip():
        return unreadable(thought, rest, "the reply is empty: call a tool, or say your final answer")
    return Turn(thought=thought, answer=rest.strip())


def message_of(completion: Completion, style: CallStyle, author: str | None = None) -> Message:
    """The reply as it goes into the conversation and the record: text, calls and tokens as they came.

    Native calls are left out in text style, where only calls in the text are carried out.

    Args:
        completion: The reply.
        style: How the model calls tools.
        author: Name of the agent that the model speaks for.
    """
    return Message(
        role="assistant",
        content=completion.content,
        calls=completion.calls if style == "native" else (),
        author=author,
        extra=dict(completion.extra),
        sampled=completion.sampled,
    )


def note_of(completion: Completion) -> tuple[str, str]:
    """The reasoning and the text, without tags, of a reply that should be neither call nor answer."""
    thought, rest = _thought(completion)
    return thought, _TAG.sub("", rest).strip()


def unreadable(thought: str, text: str, why: str) -> Turn:
    """A turn that carries out no call and still takes a decision interval."""
    return Turn(thought=thought, call=ToolCall(tool="", arguments=text), unreadable=why)


def _thought(completion: Completion) -> tuple[str, str]:
    """Reasoning, wherever the server put it, and the rest of the text."""
    text = completion.content
    found = _THINK.match(text)
    if found is not None:
        return _joined(completion.reasoning, found[1]), text[found.end() :]
    # a chat template may open the tag itself, and a server may not put it back
    before, closed, after = text.partition("</think>")
    if closed and "<" not in before:
        return _joined(completion.reasoning, before), after
    return completion.reasoning, text


def _joined(*parts: str) -> str:
    return "\n".join(part.strip() for part in parts if part.strip())


def _text_turn(thought: str, text: str, *, cut_off: bool) -> Turn:
    """Strictly one call or one answer, and nothing around it."""
    found = _BODY.fullmatch(text)
    if found is None or _TAG.search(found[2]):
        why = "it was cut off because it was too long; be brief" if cut_off else _what_is_wrong(text)
        return unreadable(thought, text, f"your reply could not be read: {why}; {_FORM}")
    if found[1] == "answer":
        return Turn(thought=thought, answer=found[2].strip())
    try:
        call = _call(found[2])
    except ValidationError as error:
        return unreadable(thought, text, f"the call could not be read: {first_problem(error)}")
    except ValueError as error:
        return unreadable(thought, text, f"the text between the <tool_call> tags could not be read: {error}")
    return Turn(thought=thought, call=call)


def _what_is_wrong(text: str) -> str:
    tags = _TAG.findall(text)
    if not tags:
        return "<think> is not closed" if "<think>" in text else "it has neither a call nor an answer"
    if len(tags) > 2:
        return "it has more than one call or answer"
    if len(tags) == 1 or tags[0].replace("<", "</") != tags[1]:
        return f"{tags[0]} has no counterpart"
    return "there is text outside of the tags"


def _call(text: str) -> ToolCall:
    """The call in a JSON object.

    Raises:
        ValueError: it is not JSON, or not a call.
    """
    value = cast("JsonValue", from_json(text, allow_inf_nan=False))
    if not isinstance(value, dict):
        raise ValueError('it is no JSON object; write {"name": "TOOL", "arguments": {...}}')
    name, arguments = value.get("name"), value.get("arguments", {})
    if not isinstance(name, str) or not isinstance(arguments, dict):
        raise ValueError('"name" has to be a text and "arguments" an object')
    if unknown := sorted(value.keys() - {"name", "arguments"}):
        raise ValueError(f'only "name" and "arguments" belong there, not {unknown[0]!r:.40}')
    return ToolCall(tool=name, arguments=arguments)
