"""The network for agents of others: every client works on a task in a network of its own."""
