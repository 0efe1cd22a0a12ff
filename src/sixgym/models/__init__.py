"""Language models: behind a server, or in this process."""
