"""`sixgym bench` and the commands below it."""
