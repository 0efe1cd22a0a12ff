"""Agents that ask a language model, the only prompt, and the reading of replies."""
