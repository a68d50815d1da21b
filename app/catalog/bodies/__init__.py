"""The rendered bodies of questions, cached within a memory budget."""
