"""Where tasks come from: parts of trouble, words for them, a generator, and a frozen set."""
