"""Two simulators under control on the slicing scenario."""
