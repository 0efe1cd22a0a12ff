"""Errors, calibration and effects of the experiment model against the network that it learned from."""
