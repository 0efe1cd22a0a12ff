"""6GAgentBench: agents run the frozen tasks, every episode is stored, and figures are made from grades."""
