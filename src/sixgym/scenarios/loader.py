"""Strict reading of scenario YAML. Errors have the file, the line, the key and the reason."""

import difflib
import re
from collections.abc import Hashable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel, ValidationError

from sixgym.domain import faults, geometry, intent, network, slices, traffic
from sixgym.domain.scenario import Scenario

MAX_BYTES = 1_000_000
"""Largest scenario file; the shipped ones have some 2 kB."""


class ScenarioError(ValueError):
    """A scenario cannot be used. The message has the file, the line, the key and the reason."""


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML. A key that appears twice is an error instead of a silent override."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Build a mapping; a duplicate key is an error."""
        seen: set[str] = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {name} appears twice", key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


def shipped_names() -> tuple[str, ...]:
    """Names of the scenarios that come with sixgym."""
    folder = files("sixgym.scenarios")
    return tuple(sorted(f.name.removesuffix(".yaml") for f in folder.iterdir() if f.name.endswith(".yaml")))


def load_scenario(name_or_path: str | Path) -> Scenario:
    """Load a shipped scenario by name, or any file by path (anything with a slash or `.yaml`).

    The result may have areas instead of places: see `Scenario.placed`.

    Raises:
        ScenarioError: the scenario does not exist, or its content is not valid.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in text or text.endswith((".yaml", ".yml")):
        path = Path(name_or_path)
        try:
            if path.stat().st_size > MAX_BYTES:
                raise ScenarioError(
                    f"{path}: larger than {MAX_BYTES} bytes, so it is no scenario; give a smaller file"
                )
            content = path.read_text(encoding="utf-8")
        except OSError as error:
            raise ScenarioError(f"{path}: cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise ScenarioError(f"{path}: not a UTF-8 text file") from None
        return parse_scenario(content, str(path))
    if text not in shipped_names():
        near = difflib.get_close_matches(text, shipped_names(), n=1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ScenarioError(
            f"no scenario is called {text[:80]!r}; {hint}there are {', '.join(shipped_names())}, "
            "or give the path of a YAML file"
        )
    return parse_scenario(
        (files("sixgym.scenarios") / f"{text}.yaml").read_text(encoding="utf-8"), f"{text}.yaml"
    )


def parse_scenario(content: str, source: str) -> Scenario:
    """A scenario from YAML text; `source` is the name of the file in errors.

    Raises:
        ScenarioError: the text is not valid; the message has one line per problem.
    """
    try:
        root = yaml.compose(content, Loader=_StrictLoader)
        data = yaml.load(content, Loader=_StrictLoader)  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{source}:{mark.line + 1}" if mark else source
        raise ScenarioError(f"{place}: {error.problem or 'not valid YAML'}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ScenarioError(f"{source}: not valid YAML: {type(error).__name__}") from None
    if not isinstance(data, dict):
        raise ScenarioError(f"{source}: a scenario is a mapping of keys to values, this is {_kind(data)}")
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        problems = [
            f"{source}:{_line(root, path)}: {_dotted(path)}{reason}"
            for path, reason in _problems(cast("dict[str, Any]", data), error)
        ]
        raise ScenarioError("\n".join(dict.fromkeys(problems))) from None


def _problems(data: dict[str, Any], error: ValidationError) -> Iterator[tuple[list[str | int], str]]:
    for problem in error.errors(include_url=False):
        path = _path_in(data, problem["loc"])
        reason = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
        if problem["type"] == "extra_forbidden":
            known = _known_keys()
            near = difflib.get_close_matches(str(problem["loc"][-1]), known, n=1, cutoff=0.6)
            yield path, "unknown key" + (f"; did you mean {near[0]}?" if near else "")
        elif problem["type"] == "missing":
            yield path, f"{problem['loc'][-1]} is missing"
        elif isinstance(problem["input"], (dict, list)):
            # a consistency check has one line per problem, which begins with the key
            for line in reason.splitlines():
                key, _, rest = line.partition(": ")
                steps = [int(step) if step.isdigit() else step for step in re.findall(r"\w+", key)]
                inner = _path_in(data, tuple(steps)) if not path else []
                yield (inner, rest) if rest and len(inner) == len(steps) else (path, line)
        else:
            yield path, f"{reason} (it is {problem['input']!r:.60})"


def _path_in(data: Any, location: tuple[int | str, ...]) -> list[str | int]:
    """The location without the union tags that pydantic adds: only steps that exist in the data."""
    path: list[str | int] = []
    for step in location:
        if isinstance(data, dict) and step in data:
            data = cast("dict[str, Any]", data)[str(step)]
        elif isinstance(data, list) and isinstance(step, int) and step < len(cast("list[Any]", data)):
            data = cast("list[Any]", data)[step]
        else:
            continue
        path.append(step)
    return path


def _dotted(path: list[str | int]) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return f"{text.removeprefix('.')}: " if text else ""


def _line(node: yaml.Node | None, path: list[str | int]) -> int:
    """Line, from 1, of the value at the path."""
    line = 0 if node is None else node.start_mark.line
    for step in path:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(step):
                    line, node = key.start_mark.line, value
                    break
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            inner: yaml.Node = node.value[step]
            line, node = inner.start_mark.line, inner
    return line + 1


def _known_keys() -> list[str]:
    names = set(Scenario.model_fields)
    for module in (network, faults, geometry, intent, slices, traffic):
        for value in vars(module).values():
            if isinstance(value, type) and issubclass(value, BaseModel):
                names.update(value.model_fields)
    return sorted(names)


def _kind(data: object) -> str:
    return "empty" if data is None else f"a {type(data).__name__}"
