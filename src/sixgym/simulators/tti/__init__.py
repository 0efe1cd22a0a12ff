"""The TTI simulator: the network of a scenario in steps of 1 ms, compiled by numba, without ns-3."""

from sixgym.simulators.tti.simulator import TtiSimulator

__all__ = ["TtiSimulator"]
