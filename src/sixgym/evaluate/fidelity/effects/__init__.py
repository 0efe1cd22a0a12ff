"""Whether a tool or a fault has the same effect on two simulators."""
