"""The state that the simulator tracks exactly: settings, faults, places, radio links, PRB allocation."""
