"""The rules: each is a small function from the facts to a cause or None. No fault, no cause."""
