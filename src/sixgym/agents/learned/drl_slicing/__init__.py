"""DRL-Slicing: the trained baseline for admission and PRB control (6GAgentGym, section IV-B)."""
