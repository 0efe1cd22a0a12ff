"""Optional dependencies (extras), and how to install them."""

import importlib.metadata
import re

_NAME = re.compile(r"[A-Za-z0-9._-]+")


def requirements(extra: str) -> tuple[str, ...]:
    """Requirements of an extra, such as `ns3==3.44.post0`.

    They are read from the installed package. The result is empty if that package is older than the extra.
    """
    marker = re.compile(rf"""\bextra == ["']{re.escape(extra)}["']""")
    lines = (line.partition(";") for line in importlib.metadata.requires("sixgym") or [])
    return tuple(wanted.strip() for wanted, _, condition in lines if marker.search(condition))


def installed_versions(extra: str) -> dict[str, str | None]:
    """Versions of an extra's packages by name; None for a package that is not installed."""
    return {name: _version(name) for name in map(_name, requirements(extra))}


def install_command(extra: str) -> str:
    """Command that installs an extra's packages in the versions that this sixgym needs."""
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
