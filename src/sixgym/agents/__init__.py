"""Agents: rules, learned policies and language models. `run` lets them work."""
