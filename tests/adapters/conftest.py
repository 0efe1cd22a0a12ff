"""Tests with other people's harnesses: each needs its library, which has a virtual environment of its own.

`make test-adapters` makes these. Elsewhere there is nothing to collect.
"""

from importlib.util import find_spec

_LIBRARIES = {"test_openenv.py": "openenv", "test_verifiers.py": "verifiers", "test_inspect.py": "inspect_ai"}

collect_ignore = [file for file, library in _LIBRARIES.items() if find_spec(library) is None]
