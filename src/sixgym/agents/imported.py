"""Agents of one's own: `MODULE:CALLABLE` or `FILE.py:CALLABLE`, called with a seed."""

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from sixgym.agents.base import Agent


def is_imported(name: str) -> bool:
    """Whether a name says where an agent is to be imported from."""
    return ":" in name


def load_agent(name: str, seed: int) -> Agent:
    """The agent that the callable returns for that seed. This runs its module's code.

    Args:
        name: `MODULE:CALLABLE`, or `FILE.py:CALLABLE` with a path from the working directory.
        seed: Passed as the only argument.

    Raises:
        ValueError: there is no such module or callable, or what it returns is no agent.
    """
    place, _, attribute = name.rpartition(":")
    try:
        module = _module(place)
    except (ImportError, OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"{place}: cannot be imported: {error}") from None
    factory = vars(module).get(attribute)
    if not callable(factory):
        raise ValueError(f"{place} has no callable {attribute!r}; name a class or function that takes a seed")
    try:
        agent = factory(seed)
    except TypeError as error:
        raise ValueError(f"{name} has to take a seed, its only argument: {error}") from None
    if not isinstance(agent, Agent):
        raise ValueError(f"{name} returned {type(agent).__name__}: an agent has a name and a method act")
    return agent


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
    spec.loader.exec_module(module)
    return module
