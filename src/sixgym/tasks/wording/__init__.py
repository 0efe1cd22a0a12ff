"""The words of an intent: a grammar and its phrases in YAML."""
