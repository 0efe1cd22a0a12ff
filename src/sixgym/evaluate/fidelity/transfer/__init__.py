"""Whether success of agents on a candidate network transfers to the reference network."""
