"""Questions to the model and their true answers, in its words."""
