"""Trained agents, each with its weights."""
