"""Checks and rebuilds of the search indexes."""
