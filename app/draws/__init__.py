"""Random draws: uniform, repeatable with a seed, and continued without repeats by a cursor."""
