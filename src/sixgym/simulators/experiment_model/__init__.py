"""A language model that has learned from ns-3 how networks answer, as a simulator."""

from sixgym.simulators.experiment_model.loading import open_simulator

__all__ = ["open_simulator"]
