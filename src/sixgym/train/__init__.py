"""Training: a folder per method, with its recipe, its trainer and its `Method` record."""
