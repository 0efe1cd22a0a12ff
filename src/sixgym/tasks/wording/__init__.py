"""The wording of intents: a grammar, and its patterns in YAML."""
