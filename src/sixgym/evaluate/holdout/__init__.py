"""Whether the benchmark is absent from the training data of agents."""
