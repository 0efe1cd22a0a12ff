"""The command line: a module a command, a folder a group of commands."""

from sixgym.cli.app import main

__all__ = ["main"]
