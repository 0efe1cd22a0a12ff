"""Reference policies of the slicing environment, a clairvoyant plan and an upper bound."""
