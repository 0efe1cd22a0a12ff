"""Training of agents. The only layer that imports torch and stable-baselines3 (the extra `rl`)."""
