"""The routes of editing."""
