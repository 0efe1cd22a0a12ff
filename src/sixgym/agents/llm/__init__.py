"""Agents that ask a language model: the prompt, the reading of replies, and the loops around them."""
