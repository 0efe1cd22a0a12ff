"""The closed loop as an environment."""
