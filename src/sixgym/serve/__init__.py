"""Servers and adapters for agents of other programs. Every client works in a network of its own."""
