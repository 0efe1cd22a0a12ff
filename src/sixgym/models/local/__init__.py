"""Language models in this process: checkpoints, templates, decoding, batching."""
