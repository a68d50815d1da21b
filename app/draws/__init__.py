"""Random questions: uniform, repeatable from a seed, and without repeats from a cursor."""
