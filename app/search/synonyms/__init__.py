"""Synonyms that editors keep."""
