"""From the answers of the model to a measured interval."""
