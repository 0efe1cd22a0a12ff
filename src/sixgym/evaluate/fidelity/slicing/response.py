"""The response to a quota step: mean delay, queue and throughput against the time since it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from sixgym.domain.slices import SliceType
from sixgym.evaluate.fidelity.slicing.comparison import Grid, RunGrids
from sixgym.evaluate.fidelity.slicing.control_schedules import AlternatingSchedule
from sixgym.evaluate.fidelity.slicing.figures import Response
from sixgym.evaluate.fidelity.statistics import Estimate, Floats, estimate, resamples


@dataclass(frozen=True, slots=True)
class Responses:
    """What one slice did on each network, summed over periods.

    Shape (seeds, intervals of a period) each, but `periods`, how many were summed, (seeds,).
    """

    interval_ms: int
    periods: Floats
    delivered: Floats
    delay_ms: Floats
    delivered_bytes: Floats
    queue_bytes: Floats

    def mean_delay_ms(self, weights: Floats) -> Floats:
        """Over packets; NaN in an interval in which nothing was delivered."""
        packets = weights @ self.delivered
        return weights @ self.delay_ms / np.where(packets == 0, np.nan, packets)

    def mean_queue_kb(self, weights: Floats) -> Floats:
        """Over periods."""
        return weights @ self.queue_bytes / 1e3 / self._periods(weights)

    def throughput_mbps(self, weights: Floats) -> Floats:
        """Over periods."""
        return weights @ self.delivered_bytes * 8e-3 / self.interval_ms / self._periods(weights)

    def _periods(self, weights: Floats) -> Floats:
        return (weights @ self.periods)[..., None]


FOLLOWED: dict[str, Callable[[Responses, Floats], Floats]] = {
    "delay_ms": Responses.mean_delay_ms,
    "queue_kb": Responses.mean_queue_kb,
    "throughput_mbps": Responses.throughput_mbps,
}
"""Curves, shape (..., intervals), from weights of the seeds, shape (..., seeds)."""


def responses_of(grid: Grid, schedule: AlternatingSchedule, kind: SliceType) -> Responses:
    """The responses of a slice to this schedule."""
    runs = [run for row in grid for run in row if run.key.schedule == schedule.name]
    found = [response for run in runs if (response := run.slices[kind].response) is not None]
    return Responses(
        interval_ms=schedule.interval_ms,
        periods=np.array([one.periods for one in found], float),
        delivered=np.array([one.delivered for one in found], float),
        delay_ms=np.array([one.delay_ms for one in found]),
        delivered_bytes=np.array([one.delivered_bytes for one in found], float),
        queue_bytes=np.array([one.queue_bytes for one in found], float),
    )


def compare_responses(comparison: RunGrids, schedule: AlternatingSchedule) -> list[Response]:
    """How far the mean responses are apart, by slice and by what is followed."""
    found: list[Response] = []
    for kind in comparison.slices:
        candidate, reference, repeated = (
            responses_of(grid, schedule, kind)
            for grid in (comparison.candidate, comparison.reference, comparison.repeated)
        )
        for name, curve in FOLLOWED.items():
            found.append(
                Response(
                    slice=kind,
                    metric=name,
                    distance=_distance(curve, candidate, reference),
                    floor=_distance(curve, repeated, reference),
                )
            )
    return found


def _distance(
    curve: Callable[[Responses, Floats], Floats], candidate: Responses, reference: Responses
) -> Estimate | None:
    """Mean over time of the absolute difference, in percent of the reference's mean over time.

    None where the reference has nothing to follow.
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
    """How often each seed is in each bootstrap sample, shape (RESAMPLES, seeds)."""
    drawn = resamples(seeds)
    return (drawn[:, :, None] == np.arange(seeds)).sum(axis=1).astype(float)
