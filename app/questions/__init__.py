"""Editing: questions in every state, their revisions, and what makes them public."""
