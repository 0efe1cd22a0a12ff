"""Whether the benchmark is absent from what agents were trained on."""
