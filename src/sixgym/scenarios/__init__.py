"""Scenario files: the shipped ones by name, anyone's by path, and errors that name file, line and key."""

from sixgym.scenarios.loader import ScenarioError, load_scenario, shipped_names

__all__ = ["ScenarioError", "load_scenario", "shipped_names"]
