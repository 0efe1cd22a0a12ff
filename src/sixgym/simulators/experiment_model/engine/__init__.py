"""The language model: tokens, grammar of answers, batched decoding."""
