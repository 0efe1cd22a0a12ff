"""The settings of an agent, which tell apart two runs under one name."""

import hashlib
from pathlib import Path

from pydantic import JsonValue

from sixgym.agents.llm.prompt import fixed_words
from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.llm.reflexion import MOST_TRIES, QUESTION

Settings = dict[str, JsonValue]

_SHIPPED = {
    "drl-slicing": "learned/drl_slicing/drl_slicing.safetensors",
    "mape-k": "rules/mape_k/knowledge.yaml",
}
"""Files of weights or rules of the agents in this package."""


def settings_of(name: str, react: ReactAgent | None) -> Settings:
    """The settings that decide about the agent's turns, beside the version of this package.

    Args:
        name: Name of the agent as a user types it.
        react: The language model and how it is asked, for an agent that asks one.
    """
    if react is not None:
        asked = fixed_words(react.style) + (f"{MOST_TRIES}{QUESTION}" if name == "reflexion" else "")
        words = hashlib.sha256(asked.encode()).hexdigest()
        sampling = react.sampling.model_dump(mode="json", exclude={"seed"})
        return {"model": react.model.name, "style": react.style, **sampling, "prompt": words[:12]}
    place, _, _ = name.rpartition(":")
    path = Path(__file__).parent / _SHIPPED[name] if name in _SHIPPED else Path(place)
    if path.suffix and path.is_file():
        return {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()[:12]}
    return {}


def label(name: str, react: ReactAgent | None) -> str:
    """Name of the agent for records and tables, with the name of its language model if it asks one."""
    return name if react is None else f"{name}/{react.model.name}"
