"""From episodes to rows that models learn from, and the episodes that are made for that."""
