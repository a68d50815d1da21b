"""Synonym groups that editors maintain."""
