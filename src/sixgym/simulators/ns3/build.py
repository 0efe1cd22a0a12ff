"""Finds the ns-3 wheel and compiles the C++ program against it, once per version."""

import hashlib
import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sixgym.domain import radio
from sixgym.domain.extras import install_command
from sixgym.simulators import fading
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.cache import cache_folder
from sixgym.simulators.ns3 import wire

CPP = Path(__file__).resolve().parent / "cpp"
MODULES = (
    "lte", "internet", "applications", "point-to-point", "spectrum", "propagation", "mobility", "antenna",
    "buildings", "network", "stats", "core",
)  # fmt: skip
FLAGS = ("-std=c++20", "-O2", "-pthread", "-D__LINUX__", "-DNS3_BUILD_PROFILE_RELEASE")
# the wheel's libraries were built with both, and its headers have to agree with them
FLAGS_OF_THE_WHEEL = ("-DNS3_ASSERT_ENABLE", "-DNS3_LOG_ENABLE")
COMPILE_TIMEOUT_S = 600
"""Compiling takes 4 to 9 s of CPU time; a busy machine may take minutes."""


@dataclass(frozen=True, slots=True)
class Wheel:
    """The installed ns-3 wheel."""

    root: Path
    version: str

    @property
    def library_prefix(self) -> str:
        """`ns3.44` of `libns3.44-core.so`."""
        return next(self.root.glob("lib64/libns*-core.so")).name.removeprefix("lib").removesuffix("-core.so")


@dataclass(frozen=True, slots=True)
class Ns3Status:
    """Whether ns-3 can be used here, as `sixgym doctor` shows it.

    Attributes:
        wheel_version: Version of the installed ns-3 wheel, or None.
        compiler: Path of the C++ compiler, or None. Without a compiler, cling compiles the program in memory,
            which takes 12 to 20 s at every start.
        compiled: Whether the program for this wheel, compiler and source is in the cache.
    """

    wheel_version: str | None
    compiler: str | None
    compiled: bool


def ns3_status() -> Ns3Status:
    """Whether ns-3 and its compiled program are available here."""
    compiler = find_compiler()
    try:
        wheel = find_wheel()
    except SimulatorError:
        return Ns3Status(None, compiler, False)
    compiled = compiler is not None and program_path(wheel, compiler).exists()
    return Ns3Status(wheel.version, compiler, compiled)


def find_wheel() -> Wheel:
    """The ns-3 wheel of this Python environment; ns3 itself is not imported.

    Raises:
        SimulatorError: no wheel is installed.
    """
    spec = importlib.util.find_spec("ns3")
    if spec is None or not spec.submodule_search_locations:
        raise SimulatorError(f"ns-3 is not installed; install it with: {install_command('ns3')}")
    root = Path(next(iter(spec.submodule_search_locations)))
    if not any(root.glob("lib64/libns*-core.so")):
        raise SimulatorError(f"{root} holds no ns-3 libraries; install them with: {install_command('ns3')}")
    return Wheel(root, importlib.metadata.version("ns3"))


def find_compiler() -> str | None:
    """Path of g++, or None."""
    return shutil.which("g++")


@cache
def source_digest() -> str:
    """Hash of every file that decides results, 12 hexadecimal digits.

    These are the C++ sources and the modules that make their input: the line protocol, the fading traces and
    the random fields of the radio map.
    """
    return _digest(*_program_sources(), Path(wire.__file__), Path(fading.__file__), Path(radio.__file__))


def _program_sources() -> list[Path]:
    return sorted(path for path in CPP.rglob("*") if path.is_file())


def _digest(*paths: Path) -> str:
    digest = hashlib.sha256()
    for path in paths:
        name = path.relative_to(CPP).as_posix() if path.is_relative_to(CPP) else path.name
        digest.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


@cache
def _compiler_version(compiler: str) -> str:
    return subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout


def program_path(wheel: Wheel, compiler: str) -> Path:
    """Path in the cache of the program for a wheel and a compiler."""
    sources = _digest(*_program_sources())
    key = "\n".join((sources, wheel.version, str(wheel.root), _compiler_version(compiler), *FLAGS))
    name = f"sixgym-ns3-{hashlib.sha256(key.encode()).hexdigest()[:16]}"
    return cache_folder("ns3") / name


def build_program(wheel: Wheel, compiler: str) -> Path:
    """The compiled program; compiles it unless it is in the cache.

    The program is compiled beside its path and then renamed, so several processes may build it at once.

    Raises:
        SimulatorError: the compiler failed; the message ends with the last lines of its output.
    """
    program = program_path(wheel, compiler)
    if program.exists():
        return program
    with tempfile.TemporaryDirectory(dir=program.parent) as directory:
        fresh = Path(directory) / "program"
        try:
            result = subprocess.run(
                [compiler, *_arguments(wheel), "-o", str(fresh)],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=COMPILE_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SimulatorError(f"cannot compile the ns-3 program: {error}") from error
        if result.returncode != 0 or not fresh.exists():
            tail = "\n".join(result.stderr.splitlines()[-20:])
            raise SimulatorError(f"{compiler} cannot compile the ns-3 program:\n{tail}")
        os.replace(fresh, program)
    return program


def _arguments(wheel: Wheel) -> list[str]:
    libraries = wheel.root / "lib64"
    return [
        *FLAGS,
        *FLAGS_OF_THE_WHEEL,
        "-I",
        str(CPP),
        "-isystem",
        str(wheel.root / "include"),
        str(CPP / "main.cc"),
        f"-L{libraries}",
        f"-Wl,-rpath,{libraries}",
        f"-Wl,-rpath-link,{libraries}",
        # libraries register their types when they are loaded, used or not
        "-Wl,--no-as-needed",
        "-Wl,--allow-shlib-undefined",
        *(f"-l{wheel.library_prefix}-{module}" for module in MODULES),
    ]
