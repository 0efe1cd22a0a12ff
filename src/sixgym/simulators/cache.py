"""The cache folder of simulators, for files that are expensive to make."""

import os
from pathlib import Path

import platformdirs

from sixgym.simulators.base import SimulatorError


def cache_folder(name: str) -> Path:
    """A folder of sixgym in the user's cache. A missing folder is made.

    Raises:
        SimulatorError: the folder cannot be made or written.
    """
    try:
        folder = platformdirs.user_cache_path("sixgym") / name
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:
        raise SimulatorError(f"the cache folder cannot be made: {error}; {_ADVICE}") from None
    if not os.access(folder, os.W_OK):
        raise SimulatorError(f"the cache folder {folder} cannot be written; {_ADVICE}")
    return folder


_ADVICE = "set XDG_CACHE_HOME to a folder that can be written"
