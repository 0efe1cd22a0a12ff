"""The language of the model: questions, their true answers and explanations, in words."""
