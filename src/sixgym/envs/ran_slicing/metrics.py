"""The metrics of the slicing paper: spectral efficiency, reconfigurations, violations, and their utility."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from sixgym.domain.base import Record
from sixgym.domain.measurement import Interval
from sixgym.domain.radio import PRB_HZ

Weight = Annotated[float, Field(ge=0)]


class UtilityWeights(Record):
    """Weights of the utility of a step.

    The slicing paper (equation 15) has three weights and gives no values. The values follow from its
    table III: 15, 15 and 300 reproduce the five utilities to .03 %, three of them to .04, if a step without a
    reconfiguration earns the second weight, instead of a step with a reconfiguration paying it.
    """

    spectral_efficiency: Weight = Field(default=15.0, description="per bit/s/Hz")
    stability: Weight = Field(default=15.0, description="for a step without reconfiguration")
    violation: Weight = Field(default=300.0, description="taken for a step with a violation")


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """The metric vector of one decision interval.

    Attributes:
        spectral_efficiency: Delivered payload of all slices over the granted bandwidth, bit/s/Hz
            (equation 1); 0 if no bandwidth was granted.
        reconfigured: Whether the allocation differs from the previous one (equation 3).
        violated: Whether a packet of any slice was late or lost (equation 2).
    """

    spectral_efficiency: float
    reconfigured: bool
    violated: bool

    @classmethod
    def of(cls, interval: Interval, *, reconfigured: bool) -> "StepMetrics":
        """The metrics of a measured interval."""
        slices = interval.slices.values()
        seconds = (interval.end_ms - interval.start_ms) / 1e3
        hertz = PRB_HZ * sum(measured.prbs_granted for measured in slices)
        bits = 8 * sum(measured.flow.delivered_bytes for measured in slices)
        return cls(
            spectral_efficiency=bits / (hertz * seconds) if hertz > 0 else 0.0,
            reconfigured=reconfigured,
            violated=any(m.flow.late_packets > 0 or m.flow.lost_packets > 0 for m in slices),
        )

    def utility(self, weights: UtilityWeights) -> float:
        """The utility of the step, 15 SE + 15 (1 - reconfigured) - 300 violated by default."""
        return (
            weights.spectral_efficiency * self.spectral_efficiency
            + weights.stability * (not self.reconfigured)
            - weights.violation * self.violated
        )


@dataclass(frozen=True, slots=True)
class Totals:
    """An episode so far, as a row of the slicing paper's table III.

    Attributes:
        steps: Decision intervals.
        spectral_efficiency_sum: Sum over steps; the paper's column is `mean_spectral_efficiency`.
        reconfigurations, violations: Number of steps with a reconfiguration, with a violation.
        utility: Sum over steps.
    """

    steps: int = 0
    spectral_efficiency_sum: float = 0.0
    reconfigurations: int = 0
    violations: int = 0
    utility: float = 0.0

    def plus(self, metrics: StepMetrics, weights: UtilityWeights) -> "Totals":
        """The totals with another step."""
        return Totals(
            self.steps + 1,
            self.spectral_efficiency_sum + metrics.spectral_efficiency,
            self.reconfigurations + metrics.reconfigured,
            self.violations + metrics.violated,
            self.utility + metrics.utility(weights),
        )

    @property
    def mean_spectral_efficiency(self) -> float:
        """Mean over steps in bit/s/Hz; 0 before the first step."""
        return self.spectral_efficiency_sum / self.steps if self.steps else 0.0

    def as_info(self) -> dict[str, float]:
        """The row as plain numbers."""
        return {
            "steps": self.steps,
            "mean_spectral_efficiency": self.mean_spectral_efficiency,
            "reconfigurations": self.reconfigurations,
            "violations": self.violations,
            "utility": self.utility,
        }
