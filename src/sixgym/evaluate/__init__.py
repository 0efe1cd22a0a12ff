"""Experiments over many runs, and the pages they write."""
