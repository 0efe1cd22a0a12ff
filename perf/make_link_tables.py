"""Measures the link level of the installed ns-3 and writes what the TTI simulator and its tests read.

python perf/make_link_tables.py

Writes src/sixgym/simulators/tti/link_tables.npz and tests/simulators/link_samples.json. Needs g++.
"""

import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sixgym.simulators.ns3.build import FLAGS, FLAGS_OF_THE_WHEEL, MODULES, find_compiler, find_wheel

ROOT = Path(__file__).resolve().parents[1]
TABLES = ROOT / "src" / "sixgym" / "simulators" / "tti" / "link_tables.npz"
SAMPLES = ROOT / "tests" / "simulators" / "link_samples.json"
SAMPLE_COUNT = 100


def build(program: Path) -> None:
    """Compiles link_tables.cc against the wheel."""
    wheel = find_wheel()
    compiler = find_compiler()
    if compiler is None:
        raise SystemExit("link_tables.cc needs g++")
    libraries = wheel.root / "lib64"
    command = [compiler, *FLAGS, *FLAGS_OF_THE_WHEEL, "-isystem", str(wheel.root / "include")]
    command += [str(Path(__file__).with_name("link_tables.cc")), f"-L{libraries}", f"-Wl,-rpath,{libraries}"]
    command += [f"-Wl,-rpath-link,{libraries}", "-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined"]
    command += [f"-l{wheel.library_prefix}-{module}" for module in MODULES]
    subprocess.run([*command, "-o", str(program)], check=True)


def parse(lines: list[str]) -> dict[str, npt.NDArray[np.float64]]:
    """Arrays by name from lines of a name, indices and a figure; what is not mentioned is 0."""
    figures: dict[str, dict[tuple[int, ...], float]] = defaultdict(dict)
    for line in lines:
        name, *indices, figure = line.split()
        figures[name][tuple(map(int, indices))] = float(figure)
    arrays: dict[str, npt.NDArray[np.float64]] = {}
    for name, entries in figures.items():
        arrays[name] = np.zeros(np.max(list(entries), axis=0) + 1)
        for index, figure in entries.items():
            arrays[name][index] = figure
    return arrays


def measure(sample_count: int) -> tuple[dict[str, npt.NDArray[np.float64]], str]:
    """The tables, and random cases with ns-3's answers as JSON."""
    with tempfile.TemporaryDirectory() as directory:
        program = Path(directory) / "link_tables"
        build(program)
        tables, samples = (
            subprocess.run([str(program), *arguments], check=True, capture_output=True, text=True).stdout
            for arguments in ([], ["samples", str(sample_count)])
        )
    return parse(tables.splitlines()), samples


def main() -> None:
    """Measures and writes."""
    arrays, samples = measure(SAMPLE_COUNT)
    np.savez_compressed(TABLES, allow_pickle=False, **arrays)
    SAMPLES.write_text(samples)
    for name, array in arrays.items():
        print(f"{name:18} {array.shape}")


if __name__ == "__main__":
    main()
