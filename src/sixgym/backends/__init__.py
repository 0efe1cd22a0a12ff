"""The waist: `Backend.execute(ToolCall) -> Transition`. Nothing above knows what runs below."""
