"""The agents that need no language model, by the names users type."""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

from sixgym.agents.base import Agent
from sixgym.agents.chance import RandomAgent
from sixgym.agents.drl_slicing import load_shipped
from sixgym.agents.imported import is_imported, load_agent
from sixgym.agents.knowledge import shipped_knowledge
from sixgym.agents.mape_k import MapeKAgent
from sixgym.agents.null import NullAgent
from sixgym.agents.scripted import ScriptedAgent, load_script
from sixgym.agents.spam import SpamAgent
from sixgym.agents.threshold import ThresholdAgent

AGENTS: Mapping[str, str] = {
    "null": "answers at once and does nothing",
    "random": "draws a tool and schema-valid arguments each step",
    "spam": "calls all tools in turn, then starts again",
    "scripted": "makes the calls of a JSON file, then answers",
    "threshold": "latency above the SLA: switch to URLLC; below 10 Mbit/s: edge offload; else verify",
    "drl-slicing": "a deep RL agent for admission and PRB shares, trained by sixgym train",
    "mape-k": "monitor, analyse, plan, execute over a table of 50 condition -> action rules",
}
"""Known agents, each in a line."""


def make_agent(name: str, *, seed: int = 0, script: Path | None = None) -> Agent:
    """The agent of that name.

    Args:
        name: One of `AGENTS`, or one's own, `MODULE:CALLABLE` or `FILE.py:CALLABLE`.
        seed: Of what `random` and `spam` draw; the others draw nothing.
        script: File with the calls of `scripted`, which needs it.

    Raises:
        ValueError: there is no such agent, `scripted` has no script or an unusable one, or another has one.
    """
    if script is not None and name != "scripted":
        raise ValueError(f"the agent {name} takes no script; only scripted does")
    if name == "scripted":
        if script is None:
            raise ValueError("the agent scripted needs a script, a JSON list of calls")
        return ScriptedAgent(load_script(script))
    if is_imported(name):
        return load_agent(name, seed)
    if name not in _MAKERS:
        near = difflib.get_close_matches(name, AGENTS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"there is no agent {name!r}; {hint}Known: {', '.join(AGENTS)}")
    return _MAKERS[name](seed)


_MAKERS: Mapping[str, Callable[[int], Agent]] = {
    "null": lambda _: NullAgent(),
    "random": RandomAgent,
    "spam": SpamAgent,
    "threshold": lambda _: ThresholdAgent(),
    "drl-slicing": lambda _: load_shipped(),
    "mape-k": lambda _: MapeKAgent(shipped_knowledge()),
}
