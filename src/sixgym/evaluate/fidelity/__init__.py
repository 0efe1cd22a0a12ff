"""Fidelity: the distance between two networks on the same scenarios or tasks; a folder a comparison."""
