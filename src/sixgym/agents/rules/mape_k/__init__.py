"""The MAPE-K agent: analysis of the history, and rules as data."""
