"""The 42 tools of 6GAgentGym's table IV. Importing the package declares all of them."""

from sixgym.tools import (
    commands,
    commands_flight,
    configuration,
    observation,
    observation_mission,
    observation_radio,
    reasoning,
    recovery,
)

__all__ = [
    "commands",
    "commands_flight",
    "configuration",
    "observation",
    "observation_mission",
    "observation_radio",
    "reasoning",
    "recovery",
]
