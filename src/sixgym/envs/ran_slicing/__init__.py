"""The RAN slicing task as a Gymnasium environment."""
