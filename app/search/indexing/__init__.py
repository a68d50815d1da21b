"""Reads what both engines need in order to index questions."""
