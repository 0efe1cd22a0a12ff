"""The waist of sixgym: `Backend.execute(ToolCall) -> Transition`, the same for every network."""
