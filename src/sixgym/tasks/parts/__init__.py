"""The parts of tasks, and the draft that they add to."""
