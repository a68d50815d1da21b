"""Markdown, and its conversion to the formats of delivered text."""
