"""A trace of the network as a tidy table: one row per interval and object, as CSV or Parquet.

`kind` is slice, group, node, cell or device, and `object` its name. The columns before them are the
same on every row of an interval, so the table can be filtered, and traces of several seeds
concatenated, without a join. Columns that do not apply to a kind are empty.
"""

import csv
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sixgym.domain.measurement import Interval, PacketFlow
from sixgym.domain.scenario import Scenario

Row = dict[str, str | int | float | None]
Write = Callable[[Iterable[Row]], None]

COLUMNS: dict[str, type] = {
    # the interval
    "scenario": str,
    "network": str,
    "seed": int,
    "start_ms": int,
    "end_ms": int,
    "faults": str,
    "edge_load": float,
    # the object
    "kind": str,
    "object": str,
    # slices, groups and devices
    **{field.name: int if field.type is int else float for field in fields(PacketFlow)},
    # slices
    "prbs_granted": float,
    "prbs_used": float,
    "spectral_efficiency": float,
    # slices and devices
    "queue_bytes": int,
    # slices and cells
    "devices": int,
    # groups with compute tasks
    "tasks_created": int,
    "tasks_completed": int,
    "task_latency_ms": float,
    # compute nodes
    "load": float,
    "queued_tasks": int,
    "refused_tasks": int,
    # cells
    "tx_power_dbm": float,
    "prb_load": float,
    "backhaul_delay_ms": float,
    "backhaul_loss_ratio": float,
    # devices
    "group": str,
    "slice": str,
    "cell": str,
    "x_m": float,
    "y_m": float,
    "z_m": float,
    "sinr_db": float,
    "rsrp_dbm": float,
    "handover": str,
}
"""Every column in order, with the type of its values."""

ROW_GROUP = 16_384
"""Number of rows in a Parquet row group; unwritten rows stay in memory."""


@dataclass(frozen=True, slots=True)
class Tracer:
    """Makes the rows of a trace.

    Attributes:
        scenario: The placed scenario.
        network: Name of the network.
        seed: Seed of the run.
        flows: Whether every device has rows; otherwise only UAVs have rows, for their positions.
    """

    scenario: Scenario
    network: str
    seed: int
    flows: bool

    def rows(self, interval: Interval) -> Iterator[Row]:
        """The rows of an interval."""
        home = self.scenario.home_edge
        common: Row = {
            "scenario": self.scenario.name,
            "network": self.network,
            "seed": self.seed,
            "start_ms": interval.start_ms,
            "end_ms": interval.end_ms,
            "faults": ";".join(interval.faults),
            "edge_load": interval.nodes[home].load if home else None,
        }
        for kind, name, values in (*_network(interval), *self._devices(interval)):
            yield {**common, "kind": kind, "object": name, **values}

    def _devices(self, interval: Interval) -> Iterator[tuple[str, str, Row]]:
        uavs = {name for group in self.scenario.groups if group.airframe for name in group.device_ids}
        for name, device in interval.devices.items():
            if self.flows or name in uavs:
                yield (
                    "device",
                    name,
                    {
                        **asdict(device.flow),
                        **device.position.model_dump(),
                        "queue_bytes": device.queue_bytes,
                        "group": device.group,
                        "slice": device.slice.value,
                        "cell": device.cell,
                        "sinr_db": device.sinr_db,
                        "rsrp_dbm": device.rsrp_dbm.get(device.cell),
                        "handover": device.handover,
                    },
                )


def _network(interval: Interval) -> Iterator[tuple[str, str, Row]]:
    for kind, slice_ in interval.slices.items():
        values = asdict(slice_)
        yield "slice", kind.value, {**values.pop("flow"), **values}
    for name, flow in interval.groups.items():
        tasks: Row = {}
        if name in interval.workloads:
            work = interval.workloads[name]
            tasks = {
                "tasks_created": work.created,
                "tasks_completed": work.completed,
                "task_latency_ms": work.latency_ms,
            }
        yield "group", name, {**asdict(flow), **tasks}
    for name, node in interval.nodes.items():
        yield (
            "node",
            name,
            {"load": node.load, "queued_tasks": node.queue, "refused_tasks": node.refused},
        )
    for name, cell in interval.cells.items():
        yield "cell", name, asdict(cell)


# ---------------------------------------------------------------------- files
def partial_path(path: Path) -> Path:
    """Path of a trace until the trace is complete."""
    return path.with_name(f"{path.stem}.partial{path.suffix}")


def check_name(path: Path) -> None:
    """Check the format of a trace by its file name.

    Raises:
        ValueError: the name ends neither in .csv nor in .parquet.
    """
    if path.suffix not in _FORMATS:
        raise ValueError(f"{path}: the name has to end in {' or '.join(_FORMATS)}")


@contextmanager
def trace_file(path: Path) -> Generator[Write]:
    """Write rows to a file that has its name only once it is complete.

    After an exception, the file `partial_path(path)` holds the rows so far and can be read.

    Raises:
        ValueError: the name ends neither in .csv nor in .parquet.
        OSError: the file cannot be written.
    """
    check_name(path)
    partial = partial_path(path)
    with _FORMATS[path.suffix](partial) as write:
        yield write
    partial.replace(path)


@contextmanager
def _csv(path: Path) -> Generator[Write]:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        yield writer.writerows


@contextmanager
def _parquet(path: Path) -> Generator[Write]:
    types = {str: pa.string(), int: pa.int64(), float: pa.float64()}
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    waiting: list[Row] = []

    with pq.ParquetWriter(path, schema, compression="zstd") as file:

        def flush() -> None:
            file.write_table(pa.Table.from_pylist(waiting, schema=schema))
            waiting.clear()

        def write(rows: Iterable[Row]) -> None:
            waiting.extend(rows)
            if len(waiting) >= ROW_GROUP:
                flush()

        try:
            yield write
        finally:
            flush()


_FORMATS = {".csv": _csv, ".parquet": _parquet}
