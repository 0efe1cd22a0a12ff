"""The domain: scenario, slice, network state, change, command, fault, UAV, mission, radio.

Frozen values with units in their names. No module here performs I/O, keeps state or imports another part of
sixgym.
"""
