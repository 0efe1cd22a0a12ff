"""Environments: the closed loop of tool calls, and the RAN slicing task of Gymnasium."""
