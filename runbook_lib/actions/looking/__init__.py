"""What all runbooks share that look first, and what follows from what they saw."""
