"""Answers of the model become a measured interval."""
