"""Grades, metrics and rewards of episodes, from recorded measurements and never from what an agent claims."""
