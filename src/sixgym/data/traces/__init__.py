"""Traces: explorations of a network, a row for every call, and their files."""
