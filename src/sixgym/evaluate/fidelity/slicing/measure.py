"""A run of one schedule on one network, and the totals of its measurements."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sixgym.domain.measurement import DELAY_BIN_EDGES_MS, Interval, SliceMeasurement
from sixgym.domain.scenario import Scenario
from sixgym.domain.slices import SliceType
from sixgym.envs.ran_slicing.metrics import StepMetrics
from sixgym.evaluate.fidelity.record import ControlledRun, ResponseCurve, RunKey, SliceTotals
from sixgym.evaluate.fidelity.slicing.control_schedules import (
    STEP_MS,
    AlternatingSchedule,
    ControlSchedule,
    changes,
)
from sixgym.simulators.base import Simulator, SimulatorError


def measure(
    simulator: Simulator, scenario: Scenario, key: RunKey, schedule: ControlSchedule
) -> ControlledRun:
    """Place the scenario, run the schedule for `key.seconds` after the warm-up, and add up the measurements.

    Raises:
        SimulatorError: the simulator failed, or does not count packets by delay.
    """
    placed = scenario.placed(key.topology_seed)
    simulator.reset(placed, seed=key.network_seed)
    total = _Total(schedule)
    intervals = round(key.seconds * 1e3 / schedule.interval_ms)
    for change in changes(schedule, placed, key.topology_seed, intervals):
        if change is not None:
            simulator.apply(change)
        total.add(simulator.advance(schedule.interval_ms), changed=change is not None)
    return total.run(key, simulator.version)


def merged_delays(intervals: Iterable[Interval], kind: SliceType) -> dict[int, int]:
    """The sum of the delay histograms of a slice: count by bin number, without empty bins."""
    counts: Counter[int] = Counter()
    for interval in intervals:
        histogram = interval.delay_histograms.get(kind, ())
        if len(histogram) != len(DELAY_BIN_EDGES_MS) + 1:
            raise SimulatorError("this simulator does not count packets by delay: no delay_histograms")
        counts.update({bin_: count for bin_, count in enumerate(histogram) if count})
    return dict(sorted(counts.items()))


@dataclass
class _Total:
    """The measurements of a run so far."""

    schedule: ControlSchedule
    intervals: list[Interval] = field(default_factory=list[Interval])
    changed: list[bool] = field(default_factory=list[bool])

    def add(self, interval: Interval, *, changed: bool) -> None:
        # devices are most of an interval and nothing here needs them
        self.intervals.append(dataclasses.replace(interval, devices={}))
        self.changed.append(changed)

    def run(self, key: RunKey, version: str) -> ControlledRun:
        steps = list(self._steps())
        return ControlledRun(
            key=key,
            version=version,
            duration_ms=self.intervals[-1].end_ms - self.intervals[0].start_ms,
            slices={kind: self._slice(kind) for kind in self.intervals[0].slices},
            steps=len(steps),
            mean_spectral_efficiency=sum(step.spectral_efficiency for step in steps) / len(steps),
            reconfigured_steps=sum(step.reconfigured for step in steps),
            violated_steps=sum(step.violated for step in steps),
        )

    def _steps(self) -> Iterator[StepMetrics]:
        """The metrics of each decision step. An allocation lasts for whole steps."""
        width = STEP_MS // self.schedule.interval_ms
        for start in range(0, len(self.intervals) - width + 1, width):
            changed = any(self.changed[start : start + width])
            # the allocation a run begins with is not a reconfiguration
            parts = [
                StepMetrics.of(interval, reconfigured=changed and start > 0)
                for interval in self.intervals[start : start + width]
            ]
            yield StepMetrics(
                spectral_efficiency=sum(part.spectral_efficiency for part in parts) / width,
                reconfigured=parts[0].reconfigured,
                violated=any(part.violated for part in parts),
            )

    def _slice(self, kind: SliceType) -> SliceTotals:
        measured = [interval.slices[kind] for interval in self.intervals]
        flows = [one.flow for one in measured]
        duration_ms = self.schedule.interval_ms
        return SliceTotals(
            sent=sum(flow.sent_packets for flow in flows),
            delivered=sum(flow.delivered_packets for flow in flows),
            lost=sum(flow.lost_packets for flow in flows),
            late=sum(flow.late_packets for flow in flows),
            delivered_bytes=sum(flow.delivered_bytes for flow in flows),
            prb_ms_granted=round(sum(one.prbs_granted for one in measured) * duration_ms, 3),
            prb_ms_used=round(sum(one.prbs_used for one in measured) * duration_ms, 3),
            queue_byte_ms=sum(one.queue_bytes for one in measured) * duration_ms,
            delay_histogram=merged_delays(self.intervals, kind),
            response=response(measured, self.schedule)
            if isinstance(self.schedule, AlternatingSchedule)
            else None,
        )


def response(measured: Sequence[SliceMeasurement], schedule: AlternatingSchedule) -> ResponseCurve:
    """The intervals of whole periods, added up by their position in the period."""
    width = schedule.intervals_per_period
    periods = len(measured) // width
    phases = [measured[phase : periods * width : width] for phase in range(width)]
    return ResponseCurve(
        periods=periods,
        delivered=tuple(sum(one.flow.delivered_packets for one in phase) for phase in phases),
        # the mean delay of an interval that delivered nothing is an age, and has no weight here
        delay_ms=tuple(
            round(sum(one.flow.latency_ms * one.flow.delivered_packets for one in phase), 2)
            for phase in phases
        ),
        delivered_bytes=tuple(sum(one.flow.delivered_bytes for one in phase) for phase in phases),
        queue_bytes=tuple(sum(one.queue_bytes for one in phase) for phase in phases),
    )
