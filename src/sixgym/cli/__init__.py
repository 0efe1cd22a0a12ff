"""The command line: a thin layer over environment, rollout, scoring and store."""

from sixgym.cli.app import main

__all__ = ["main"]
