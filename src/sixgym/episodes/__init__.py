"""The record of what happened: tasks, episodes and their store."""
