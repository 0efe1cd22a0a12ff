"""Agents of one's own: `MODULE:CALLABLE` or `FILE.py:CALLABLE`, called with a seed if it takes one."""

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import ModuleType

from sixgym.agents.base import Agent


def is_imported(name: str) -> bool:
    """Whether a name has the form `MODULE:CALLABLE` or `FILE.py:CALLABLE`."""
    return ":" in name


def load_agent(name: str, seed: int) -> Agent:
    """The agent that a callable of a module returns. The code of the module runs once in a process.

    Args:
        name: `MODULE:CALLABLE`, or `FILE.py:CALLABLE` with a path from the working directory.
        seed: Passed to the callable, see `agent_from`.

    Raises:
        ValueError: there is no such module or callable, or the callable returns no agent.
    """
    place, _, attribute = name.rpartition(":")
    try:
        module = _module(place)
    except (ImportError, OSError, SyntaxError, ValueError) as error:
        hint = "" if place.endswith(".py") else "; a file is named FILE.py:CALLABLE"
        raise ValueError(f"{place}: cannot be imported: {error}{hint}") from None
    factory = vars(module).get(attribute)
    if not callable(factory):
        raise ValueError(
            f"{place} has no callable {attribute!r}; name a class or function that makes an agent"
        )
    return agent_from(factory, seed, name)


def agent_from(factory: Callable[..., object], seed: int, name: str) -> Agent:
    """The agent that a class or function returns.

    Args:
        factory: The class or function.
        seed: Passed to a parameter `seed`, or else to the only required parameter, if there is one.
        name: Name of the factory in error messages.

    Raises:
        ValueError: the factory cannot be called like this, raises an exception, or returns no agent.
    """
    signature = inspect.signature(factory)
    own = signature.parameters.get("seed")
    named = {"seed": seed} if own is not None and own.kind is not inspect.Parameter.POSITIONAL_ONLY else {}
    required = any(_is_required(one) for one in signature.parameters.values())
    arguments = (seed,) if required and not named else ()
    try:
        signature.bind(*arguments, **named)
    except TypeError as error:
        raise ValueError(f"{name} is called with a seed, or with nothing: {error}") from None
    try:
        agent = factory(*arguments, **named)
    except Exception as error:
        raise ValueError(f"{name} could not be made: {error!r}") from error
    if not isinstance(agent, Agent):
        raise ValueError(f"{name} returned {type(agent).__name__}: an agent has a name and a method act")
    return agent


def _is_required(parameter: inspect.Parameter) -> bool:
    several = parameter.kind in {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return parameter.default is inspect.Parameter.empty and not several


@cache
def _module(place: str) -> ModuleType:
    if not place.endswith(".py"):
        return importlib.import_module(place)
    path = Path(place).resolve()
    if not path.is_file():
        raise ImportError("no such file")
    name = f"sixgym_agent_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None  # a .py file has both
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look up their module
    sys.path.insert(0, str(path.parent))  # the file may import its neighbours
    spec.loader.exec_module(module)
    return module
