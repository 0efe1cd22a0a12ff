"""Simulators: the physics of a network, by ns-3, by the TTI simulator or by the experiment model."""
