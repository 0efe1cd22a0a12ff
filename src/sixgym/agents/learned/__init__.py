"""Agents that have been trained, each with its weights."""
