"""The agents by the names that users type."""

import difflib
from collections.abc import Callable, Mapping
from pathlib import Path

from sixgym.agents.base import Agent
from sixgym.agents.imported import is_imported, load_agent
from sixgym.agents.learned.drl_slicing.agent import load_shipped
from sixgym.agents.llm.react import ReactAgent
from sixgym.agents.llm.reflexion import ReflexionAgent
from sixgym.agents.rules.mape_k.agent import MapeKAgent
from sixgym.agents.rules.mape_k.knowledge import shipped_knowledge
from sixgym.agents.rules.null import NullAgent
from sixgym.agents.rules.random import RandomAgent
from sixgym.agents.rules.scripted import ScriptedAgent, load_script
from sixgym.agents.rules.spam import SpamAgent
from sixgym.agents.rules.threshold import ThresholdAgent

AGENTS: Mapping[str, str] = {
    "null": "answers at once and does nothing",
    "random": "draws a tool and schema-valid arguments each step",
    "spam": "calls all tools in turn, then starts again",
    "scripted": "makes the calls of a JSON file, then answers",
    "threshold": "latency above the SLA: switch to URLLC; below 10 Mbit/s: edge offload; else verify",
    "drl-slicing": "a deep RL agent for admission and PRB shares, trained by sixgym train",
    "mape-k": "monitor, analyse, plan, execute over a table of 50 condition -> action rules",
}
"""Agents that need no language model, with a description of one line."""

MODEL_AGENTS: Mapping[str, str] = {
    "react": "a language model reasons, acts and observes",
    "reflexion": "the same, told of a failure it notes what went wrong and tries again, four attempts in all",
}
"""Agents that ask a language model, with a description of one line."""


def make_agent(
    name: str, *, seed: int = 0, script: Path | None = None, react: ReactAgent | None = None
) -> Agent:
    """The agent of that name.

    Args:
        name: One of `AGENTS` or `MODEL_AGENTS`, or one's own, `MODULE:CALLABLE` or `FILE.py:CALLABLE`.
        seed: Seed of the draws of `random` and `spam`. The other named agents draw nothing.
        script: File with the calls of `scripted`.
        react: The language model and how it is asked, for `MODEL_AGENTS`.

    Raises:
        ValueError: there is no such agent; the script is missing, unusable, or for another agent than
            `scripted`; the language model is missing, or for an agent that asks none.
    """
    if script is not None and name != "scripted":
        raise ValueError(f"the agent {name} takes no script; only scripted does")
    if name in MODEL_AGENTS:
        if react is None:
            raise ValueError(f"the agent {name} needs a language model")
        return react if name == "react" else ReflexionAgent(react)
    if react is not None:
        raise ValueError(f"the agent {name} asks no language model; {' and '.join(MODEL_AGENTS)} do")
    if name == "scripted":
        if script is None:
            raise ValueError("the agent scripted needs a script, a JSON list of calls")
        return ScriptedAgent(load_script(script))
    if is_imported(name):
        return load_agent(name, seed)
    if name not in _MAKERS:
        known = (*AGENTS, *MODEL_AGENTS)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"there is no agent {name!r}; {hint}Known: {', '.join(known)}")
    return _MAKERS[name](seed)


_MAKERS: Mapping[str, Callable[[int], Agent]] = {
    "null": lambda _: NullAgent(),
    "random": RandomAgent,
    "spam": SpamAgent,
    "threshold": lambda _: ThresholdAgent(),
    "drl-slicing": lambda _: load_shipped(),
    "mape-k": lambda _: MapeKAgent(shipped_knowledge()),
}
