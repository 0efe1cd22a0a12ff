"""Whether a tool or a fault has the effect in one simulator that it has in another."""
