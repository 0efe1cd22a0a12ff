"""Agents that follow fixed rules: floors, baselines and the MAPE-K agent."""
