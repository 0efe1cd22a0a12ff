"""Tasks of the benchmark: parts, their wording, a generator, the frozen sets, selection and grading."""
