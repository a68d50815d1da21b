"""The change feed between editing and delivery: what is public, and in which order it changed."""
