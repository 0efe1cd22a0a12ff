"""Training of the experiment model on traces."""
