"""`sixgym fidelity` and the commands below it."""
