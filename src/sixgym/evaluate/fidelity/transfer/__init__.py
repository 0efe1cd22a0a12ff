"""Whether success on a stand-in network is success on the reference network."""
