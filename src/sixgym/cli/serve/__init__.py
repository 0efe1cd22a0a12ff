"""`sixgym serve` and the commands below it."""
