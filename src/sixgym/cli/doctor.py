"""`sixgym doctor`: what is installed, which networks work on this machine, and what helps where one fails."""

import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from rich.text import Text

from sixgym._version import __version__
from sixgym.cli.errors import WORK_FAILED, CommandError
from sixgym.cli.output.starting import saying_why_it_takes_long
from sixgym.cli.output.view import open_console
from sixgym.domain.extras import install_command, installed_versions
from sixgym.scenarios import load_scenario
from sixgym.simulators.factory import make_simulator
from sixgym.simulators.ns3 import ns3_status

PROBE = "uav-inspection"
"""Name of the scenario that tests whether a network starts."""

EXTRAS = {
    "llm": "agents that ask a model behind a server",
    "hf": "agents that ask a checkpoint in a folder and --network experiment-model",
    "mcp": "sixgym serve mcp",
    "rl": "sixgym train",
    "holdout": "sixgym bench holdout",
    "plot": "the plots of sixgym fidelity",
}
"""What needs each extra. The extra ns3 has checks of its own."""

STYLES = {"ok": "green", "note": "yellow", "broken": "red"}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of one check.

    Attributes:
        state: `ok`, `note` or `broken`.
        what: The thing that was checked.
        detail: What was found.
        advice: What the user can do, where there is something to do.
    """

    state: str
    what: str
    detail: str
    advice: str = ""


def doctor() -> None:
    """Check what is installed and which networks work on this machine; compile tti if needed.

    ns-3 is optional: without ns-3 the exit status is 0. The exit status is 1 if tti, or an installed ns-3,
    does not start.
    """
    console = open_console(sys.stdout)
    broken: list[str] = []
    for finding in _findings():
        state = Text(f"{finding.state:<8}", STYLES[finding.state])
        console.print(state + Text(f"{finding.what:<18}{finding.detail}"), soft_wrap=True)
        if finding.advice:
            console.print(Text(f"{'':<8}{finding.advice}", "bold"), soft_wrap=True)
        if finding.state == "broken":
            broken.append(finding.what)
    if broken:
        raise CommandError(f"{' and '.join(broken)} cannot be used here; see above", WORK_FAILED)


def _findings() -> Iterator[Diagnosis]:
    yield Diagnosis("ok", "sixgym", __version__)
    yield Diagnosis("ok", "Python", f"{platform.python_version()} at {sys.executable}")
    yield _probe("tti", "reinstall sixgym: tti needs the versions of numba and NumPy that sixgym requires")
    yield from _ns3_findings()
    yield from (_extra_finding(extra, user) for extra, user in EXTRAS.items())
    if None not in (installed_versions("hf") or {"hf": None}).values():
        yield _probe("experiment-model", "install the hf extra again; the checkpoint ships with sixgym")
    yield Diagnosis("ok", "caches", str(platformdirs.user_cache_path("sixgym")))
    yield Diagnosis("ok", "episodes", f"{Path('runs').resolve()}, or the folder of --out")


def _ns3_findings() -> Iterator[Diagnosis]:
    status = ns3_status()
    if status.wheel_version is None:
        yield Diagnosis(
            "note",
            "ns-3",
            "not installed: only --network ns3 needs it",
            _how_to_install("ns3"),
        )
        return
    yield Diagnosis("ok", "ns-3", f"{status.wheel_version} from PyPI, with the LTE module")
    if status.compiler is None:
        yield Diagnosis(
            "note",
            "C++ compiler",
            "none: ns-3 works without one, but every start takes longer",
            "to start it faster: apt install g++",
        )
    else:
        yield Diagnosis("ok", "C++ compiler", status.compiler)
        cached = "cached" if status.compiled else "not compiled yet, the first start does it"
        yield Diagnosis("ok", "ns-3 program", cached)
    yield _probe("ns3", "install another version of the ns-3 wheel, or use tti, which does not need ns-3")


def _extra_finding(extra: str, user: str) -> Diagnosis:
    versions = installed_versions(extra)
    if versions and None not in versions.values():
        there = ", ".join(f"{package} {version}" for package, version in versions.items())
        return Diagnosis("ok", extra, f"{there}, for {user}")
    return Diagnosis("note", extra, f"not installed: only {user} needs it", _how_to_install(extra))


def _how_to_install(extra: str) -> str:
    return f"to have it: {sys.executable} -m {install_command(extra)}"


def _probe(network: str, remedy: str) -> Diagnosis:
    """Start a network twice, because a network that is installed may still not fit the machine."""
    placed = load_scenario(PROBE).placed(1)
    seconds: list[float] = []
    try:
        with saying_why_it_takes_long(network):
            simulator = make_simulator(network)
            try:
                for _ in range(2):
                    started = time.perf_counter()
                    simulator.reset(placed, seed=1)
                    seconds.append(time.perf_counter() - started)
            finally:
                simulator.close()
    except Exception as error:  # any error at all means that the network does not work
        return Diagnosis("broken", network, f"does not start: {error}", remedy)
    first, again = seconds
    return Diagnosis(
        "ok", network, f"starts {PROBE} in {first:.1f} s, then in {again:.1f} s, warm-up included"
    )
