"""Agents and the one loop that lets them work."""
