"""Running agents over the frozen tasks, keeping what happened, and putting it into figures."""
