"""An agent that makes the calls of a list, whatever comes back."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue, TypeAdapter, ValidationError

from sixgym.domain.base import Record
from sixgym.envs.observation import Observation
from sixgym.episodes.episode import ToolCall, Turn
from sixgym.tools.base import explain


class ScriptError(ValueError):
    """A script cannot be read. The message names the file, the entry and the reason."""


class _Entry(Record):
    tool: str
    arguments: dict[str, JsonValue]


_JSON: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


@dataclass(frozen=True, slots=True)
class ScriptedAgent:
    """Makes the calls of its script in order, then answers."""

    script: tuple[ToolCall, ...]
    name: str = "scripted"

    def act(self, observation: Observation) -> Turn:
        """The next call of the script."""
        step, length = len(observation.history), len(self.script)
        if step < length:
            return Turn(thought=f"call {step + 1} of {length}", call=self.script[step])
        return Turn(thought="the script is at its end", answer=f"Made the {length} calls of the script.")


def load_script(path: Path) -> tuple[ToolCall, ...]:
    """Read a script: a JSON list of `{"tool": …, "arguments": {…}}`.

    The names of tools are not checked here: the network refuses an unknown tool, as for every agent.

    Raises:
        ScriptError: the file is missing, or is not such a list.
    """
    try:
        content = _JSON.validate_json(path.read_bytes())
    except OSError as error:
        raise ScriptError(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        raise ScriptError(f"{path}: {explain(error)}") from None
    if not isinstance(content, list):
        raise ScriptError(f'{path}: expected a list of {{"tool": …, "arguments": {{…}}}}')
    return tuple(_call(path, number, entry) for number, entry in enumerate(content, start=1))


def _call(path: Path, number: int, raw: JsonValue) -> ToolCall:
    try:
        entry = _Entry.model_validate(raw)
    except ValidationError as error:
        raise ScriptError(f"{path}: entry {number}: {explain(error)}") from None
    return ToolCall(tool=entry.tool, arguments=entry.arguments)
