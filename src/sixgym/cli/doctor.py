"""`sixgym doctor`: what is installed, whether ns-3 works here, and what to do if it does not."""

import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from rich.text import Text

import sixgym
from sixgym.cli.errors import WORK_FAILED, CommandError
from sixgym.cli.view import open_console
from sixgym.scenarios import load_scenario
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.factory import make_simulator
from sixgym.simulators.ns3 import install_command, ns3_status

PROBE = "uav-inspection"
"""The scenario that is started to see whether ns-3 works."""

STYLES = {"ok": "green", "note": "yellow", "missing": "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: `ok`, worth a `note`, or `missing`, and what to do about it."""

    state: str
    what: str
    detail: str
    advice: str = ""


def examine() -> None:
    """Print every finding.

    Raises:
        CommandError: ns-3 is not usable.
    """
    console = open_console(sys.stdout)
    usable = True
    for finding in _findings():
        state = Text(f"{finding.state:<8}", STYLES[finding.state])
        console.print(state + Text(f"{finding.what:<18}{finding.detail}"), soft_wrap=True)
        if finding.advice:
            console.print(Text(f"{'':<8}{finding.advice}", "bold"), soft_wrap=True)
        usable = usable and finding.state != "missing"
    if not usable:
        raise CommandError("ns-3 is not usable here; see above", WORK_FAILED)


def _findings() -> Iterator[Finding]:
    status = ns3_status()
    yield Finding("ok", "sixgym", sixgym.__version__)
    yield Finding("ok", "Python", f"{platform.python_version()} at {sys.executable}")
    if status.compiler is None:
        yield Finding(
            "note",
            "C++ compiler",
            "none: ns-3 works without, but every start takes longer",
            "to start it faster: apt install g++",
        )
    else:
        yield Finding("ok", "C++ compiler", status.compiler)
    if status.wheel_version is None:
        yield Finding("missing", "ns-3", "not installed", f"{sys.executable} -m {install_command()}")
    else:
        yield Finding("ok", "ns-3", f"{status.wheel_version} from PyPI, with the LTE module")
        if status.compiler is not None:
            cached = "cached" if status.compiled else "not compiled yet, the first start does it"
            yield Finding("ok", "ns-3 program", cached)
        yield _probe()
    yield Finding("ok", "caches", str(platformdirs.user_cache_path("sixgym")))
    yield Finding("ok", "episodes", f"{Path('runs').resolve()} unless --out says otherwise")


def _probe() -> Finding:
    """Start a network for real: an installed wheel may still not fit the machine."""
    simulator = make_simulator("ns3")
    started = time.perf_counter()
    try:
        simulator.reset(load_scenario(PROBE).placed(1), seed=1)
    except SimulatorError as error:
        return Finding("missing", "ns-3 starts", "no", str(error))
    finally:
        simulator.close()
    return Finding("ok", "ns-3 starts", f"{PROBE} in {time.perf_counter() - started:.1f} s, warm-up included")
