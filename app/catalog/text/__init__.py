"""Markdown and the formats that it is delivered in."""
