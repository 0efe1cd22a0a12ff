"""Scenario files: shipped ones by name, others by path, with errors that have the file, line and key."""

from sixgym.scenarios.loader import ScenarioError, load_scenario, shipped_names

__all__ = ["ScenarioError", "load_scenario", "shipped_names"]
