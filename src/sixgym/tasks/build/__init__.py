"""Drawing tasks, checking them in a dry run, and varying networks."""
