"""Editing: questions in all states, their revisions, and publishing."""
