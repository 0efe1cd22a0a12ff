"""Training of the DRL-Slicing agent with PPO."""
