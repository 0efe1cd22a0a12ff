"""ns-3 as a `Simulator`."""

import os
import sys
from collections.abc import Sequence
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from sixgym.domain.change import Change
from sixgym.domain.measurement import INTERVAL_JSON, Interval
from sixgym.domain.scenario import Scenario
from sixgym.simulators.base import SimulatorError
from sixgym.simulators.cache import cache_folder
from sixgym.simulators.fading import fading_file
from sixgym.simulators.ns3.build import (
    CPP,
    build_program,
    find_compiler,
    find_wheel,
    source_digest,
)
from sixgym.simulators.ns3.process import LineProcess
from sixgym.simulators.ns3.wire import command_lines, config_lines, placed_seed

COMPILER_VARIABLE = "SIXGYM_NS3_COMPILER"
PROTOCOL = 1
"""Version of the line protocol, the one of cpp/session/session.h."""

_LARGEST_SEED = 2**51 - 1  # ns-3 has that many substreams
_JIT_START_TIMEOUT_S = 180.0  # cling takes 12 to 20 s of CPU time, two minutes on a busy machine
_TIMEOUT_PER_SIMULATED_S = 20.0  # a hundred busy devices take about 5 s
_ERROR: TypeAdapter[dict[str, str]] = TypeAdapter(dict[str, str])
_HELLO: TypeAdapter[dict[str, int]] = TypeAdapter(dict[str, int])


class Ns3Simulator:
    """Packet-level simulation by the ns-3 LTE stack, in a process of its own.

    The process survives a reset: results are the same bytes as in a fresh process, and a reset costs the
    warm-up alone. After any `SimulatorError` the process has ended, and `reset` starts another one.

    Args:
        timeout_s: Longest time for an answer, in addition to 20 s per simulated second.
        compiler: `auto` compiles the C++ program with g++ on first use; without g++, cling compiles it in
            memory at every start. `never` always uses cling, as the environment variable
            SIXGYM_NS3_COMPILER=never does.
    """

    def __init__(self, timeout_s: float = 60, compiler: Literal["auto", "never"] = "auto") -> None:
        self._timeout_s = timeout_s
        self._compiles = compiler == "auto" and os.environ.get(COMPILER_VARIABLE, "auto") != "never"
        self._process: LineProcess | None = None
        self._scenario: Scenario | None = None

    @property
    def name(self) -> str:
        """`ns3`."""
        return "ns3"

    @property
    def version(self) -> str:
        """Version of ns-3 (`missing` when it is not installed), and a hash of the sources."""
        try:
            wheel = find_wheel().version
        except SimulatorError:
            wheel = "missing"
        return f"{wheel}+{source_digest()}"

    @property
    def pid(self) -> int | None:
        """Process id of the running simulation, to measure it or to end it."""
        return self._process.pid if self._process else None

    def reset(self, scenario: Scenario, *, seed: int) -> Interval:
        """Start the network and run its warm-up."""
        placed_seed(scenario)
        if not 0 <= seed <= _LARGEST_SEED:
            raise ValueError(f"seed {seed} is not in 0 to {_LARGEST_SEED}")
        fading = scenario.channel.fading
        path = fading and fading_file(fading, scenario.channel.frequency_mhz, scenario.prbs)
        lines = tuple(config_lines(scenario, seed, str(path) if path else None))
        if self._process is None:
            self._process = self._start()
        reply = self._ask((f"reset {len(lines)}", *lines), simulated_ms=scenario.warm_up_ms)
        self._scenario = scenario
        return self._interval(reply)

    def apply(self, change: Change) -> None:
        """Apply a change now."""
        if self._scenario is None:
            raise SimulatorError("no network is running: call reset first")
        for line in command_lines(change, self._scenario):
            self._ask((line,))

    def advance(self, duration_ms: int) -> Interval:
        """Run the network for that long."""
        return self._interval(self._ask((f"advance {duration_ms}",), simulated_ms=duration_ms))

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.close()
        self._process = self._scenario = None

    def query(self, line: str) -> bytes:
        """The reply to a line of the protocol, for tests and inspection."""
        return self._ask((line,))

    def _start(self) -> LineProcess:
        wheel = find_wheel()
        compiler = find_compiler() if self._compiles else None
        if compiler is not None:
            command, timeout_s = [str(build_program(wheel, compiler))], self._timeout_s
        else:
            worker = CPP.parent / "worker.py"
            command = [sys.executable, str(worker), str(wheel.root), str(CPP)]
            timeout_s = max(self._timeout_s, _JIT_START_TIMEOUT_S)
        process = LineProcess(command)
        protocol = _HELLO.validate_json(process.ask(("hello",), timeout_s))["protocol"]
        if protocol != PROTOCOL:
            process.close()
            raise SimulatorError(
                f"the ns-3 program speaks protocol {protocol}, not {PROTOCOL}: delete {cache_folder('ns3')}"
            )
        return process

    def _interval(self, reply: bytes) -> Interval:
        try:
            return INTERVAL_JSON.validate_json(reply)
        except ValidationError as error:
            self.close()
            raise SimulatorError(f"the ns-3 process sent no measurement but {reply[:80]!r}") from error

    def _ask(self, lines: Sequence[str], simulated_ms: int = 0) -> bytes:
        if self._process is None:
            raise SimulatorError("no network is running: call reset first")
        timeout_s = self._timeout_s + _TIMEOUT_PER_SIMULATED_S * simulated_ms / 1e3
        try:
            reply = self._process.ask(lines, timeout_s)
        except BaseException:
            self._process = self._scenario = None  # the process has closed itself
            raise
        if reply.startswith(b'{"error"'):
            self.close()
            raise SimulatorError("ns-3 refused: " + _ERROR.validate_json(reply)["error"])
        return reply
