"""Two simulators under control schedules on the slicing scenario."""
