"""How far the experiment model is from the simulator it has learned from."""
