"""Running episodes: from names to agents and networks, the loop, replay, and many jobs at once."""
