"""What sixgym can do without, and how it is installed."""

import importlib.metadata
import re

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def requirements(extra: str) -> tuple[str, ...]:
    """What an extra asks pip for, such as `ns3==3.44.post0`.

    It is read from the installed package, so it is nothing where that is older than the extra.
    """
    marker = re.compile(rf"""\bextra == ["']{re.escape(extra)}["']""")
    lines = (line.partition(";") for line in importlib.metadata.requires("sixgym") or [])
    return tuple(wanted.strip() for wanted, _, condition in lines if marker.search(condition))


def installed_versions(extra: str) -> dict[str, str | None]:
    """Version by package of an extra; None for one that is not installed."""
    return {name: _version(name) for name in map(_name, requirements(extra))}


def install_command(extra: str) -> str:
    """How to install what an extra needs, in the versions that this sixgym was made for."""
    wanted = requirements(extra) or (f".[{extra}]",)
    return f"pip install {' '.join(map(repr, wanted))}"


def _name(requirement: str) -> str:
    found = _NAME.match(requirement)
    assert found is not None  # pip checked it when sixgym was installed
    return found.group()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
