"""Two simulators on the management scenarios, without control."""
