"""Two simulators on the management scenarios with their faults, without control."""
