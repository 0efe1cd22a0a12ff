"""The response to a quota step: mean delay, queue and throughput against the time since the step."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sixgym.domain.base import Record
from sixgym.domain.slices import SliceType
from sixgym.evaluate.fidelity.slicing.comparison import RunGrid, RunGrids
from sixgym.evaluate.fidelity.slicing.control_schedules import AlternatingSchedule
from sixgym.evaluate.statistics import Estimate, Floats, estimate, resamples


class ResponseDistance(Record):
    """Distance between the mean responses of two simulators to the quota step.

    Attributes:
        slice, metric: The slice, and the metric that is followed.
        distance: Mean over time of the absolute difference, in percent of the reference's mean; None where
            that mean is 0.
        floor: The same for the reference with another network seed.
    """

    slice: str
    metric: str
    distance: Estimate | None
    floor: Estimate | None


@dataclass(frozen=True, slots=True)
class SeedResponses:
    """The responses of one slice on each network, summed over periods.

    Attributes:
        interval_ms: Length of an interval, in ms.
        periods: Number of periods in the sums, shape (seeds,).
        delivered, delay_ms, delivered_bytes, queue_bytes: As in `ResponseCurve`, shape (seeds, intervals of a
            period).
    """

    interval_ms: int
    periods: Floats
    delivered: Floats
    delay_ms: Floats
    delivered_bytes: Floats
    queue_bytes: Floats

    def mean_delay_ms(self, weights: Floats) -> Floats:
        """Mean delay of packets, in ms; NaN in an interval in which nothing was delivered."""
        packets = weights @ self.delivered
        return weights @ self.delay_ms / np.where(packets == 0, np.nan, packets)

    def mean_queue_kb(self, weights: Floats) -> Floats:
        """Mean queue over periods, in kB."""
        return weights @ self.queue_bytes / 1e3 / self._periods(weights)

    def throughput_mbps(self, weights: Floats) -> Floats:
        """Mean throughput over periods, in Mbit/s."""
        return weights @ self.delivered_bytes * 8e-3 / self.interval_ms / self._periods(weights)

    def _periods(self, weights: Floats) -> Floats:
        return (weights @ self.periods)[..., None]


FOLLOWED: dict[str, Callable[[SeedResponses, Floats], Floats]] = {
    "delay_ms": SeedResponses.mean_delay_ms,
    "queue_kb": SeedResponses.mean_queue_kb,
    "throughput_mbps": SeedResponses.throughput_mbps,
}
"""By metric: the curve, shape (..., intervals), from weights of the seeds, shape (..., seeds)."""


def responses_of(grid: RunGrid, schedule: AlternatingSchedule, kind: SliceType) -> SeedResponses:
    """The responses of a slice to a schedule."""
    runs = [run for row in grid for run in row if run.key.schedule == schedule.name]
    found = [response for run in runs if (response := run.slices[kind].response) is not None]
    return SeedResponses(
        interval_ms=schedule.interval_ms,
        periods=np.array([one.periods for one in found], float),
        delivered=np.array([one.delivered for one in found], float),
        delay_ms=np.array([one.delay_ms for one in found]),
        delivered_bytes=np.array([one.delivered_bytes for one in found], float),
        queue_bytes=np.array([one.queue_bytes for one in found], float),
    )


def response_distances(grids: RunGrids, schedule: AlternatingSchedule) -> list[ResponseDistance]:
    """Distances between the mean responses, by slice and metric."""
    found: list[ResponseDistance] = []
    for kind in grids.slices:
        candidate, reference, repeated = (
            responses_of(grid, schedule, kind) for grid in (grids.candidate, grids.reference, grids.repeated)
        )
        for name, curve in FOLLOWED.items():
            found.append(
                ResponseDistance(
                    slice=kind,
                    metric=name,
                    distance=_distance(curve, candidate, reference),
                    floor=_distance(curve, repeated, reference),
                )
            )
    return found


def _distance(
    curve: Callable[[SeedResponses, Floats], Floats], candidate: SeedResponses, reference: SeedResponses
) -> Estimate | None:
    """Mean over time of the absolute difference, in percent of the reference's mean over time.

    None where the reference is 0 all the time.
    """
    seeds = len(reference.periods)
    if not np.nansum(curve(reference, np.ones(seeds))):
        return None

    def percent(weights: Floats) -> Floats:
        wanted = curve(reference, weights)
        apart = np.abs(curve(candidate, weights) - wanted)
        both = ~np.isnan(apart)
        apart_sum = np.where(both, apart, 0).sum(axis=-1)
        wanted_sum = np.where(both, wanted, 0).sum(axis=-1)
        return 100 * apart_sum / np.where(wanted_sum == 0, np.nan, wanted_sum)

    sampled = percent(drawn_weights(seeds))
    return estimate(float(percent(np.ones(seeds))), sampled[~np.isnan(sampled)])


def drawn_weights(seeds: int) -> Floats:
    """Number of times that each seed is in each bootstrap sample, shape (RESAMPLES, seeds)."""
    drawn = resamples(seeds)
    return (drawn[:, :, None] == np.arange(seeds)).sum(axis=1).astype(float)
