"""Agents of one's own: `MODULE:CALLABLE` or `FILE.py:CALLABLE`, called with a seed if it takes one."""

import importlib
import importlib.util
import inspect
import sys
from functools import cache
from pathlib import Path
from types import ModuleType

from sixgym.agents.base import Agent


def is_imported(name: str) -> bool:
    """Whether a name says where an agent is to be imported from."""
    return ":" in name


def load_agent(name: str, seed: int) -> Agent:
    """The agent that the callable returns for that seed. This runs its module's code, once in a process.

    Args:
        name: `MODULE:CALLABLE`, or `FILE.py:CALLABLE` with a path from the working directory.
        seed: Passed as the only argument, if there is one.

    Raises:
        ValueError: there is no such module or callable, or what it returns is no agent.
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
    signature = inspect.signature(factory)
    arguments = (seed,) if signature.parameters else ()
    try:
        signature.bind(*arguments)
    except TypeError as error:
        raise ValueError(f"{name} is called with a seed, or with nothing: {error}") from None
    try:
        agent = factory(*arguments)
    except Exception as error:
        raise ValueError(f"{name} could not be made: {error!r}") from error
    if not isinstance(agent, Agent):
        raise ValueError(f"{name} returned {type(agent).__name__}: an agent has a name and a method act")
    return agent


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
    sys.modules[name] = module  # dataclasses look their module up
    sys.path.insert(0, str(path.parent))  # it may import its neighbours
    spec.loader.exec_module(module)
    return module
