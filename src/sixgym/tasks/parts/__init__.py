"""The parts that a task is made of, and the draft they are put together on."""
