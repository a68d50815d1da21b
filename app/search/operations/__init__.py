"""Checks, repairs and rebuilds of the search indexes, for operators."""
