"""What an agent was made of, so that two runs under one name can be told apart."""

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
"""What agents of this package are made of beside code: their weights, their rules."""


def settings_of(name: str, react: ReactAgent | None) -> Settings:
    """What decides what the agent does, beside this package's version.

    Args:
        name: As a user types it.
        react: The language model that it asks, if it does, and how.
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
    """Name for records and tables: with the model, where there is one."""
    return name if react is None else f"{name}/{react.model.name}"
