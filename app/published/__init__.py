"""The bridge between editing and delivery: what is public, and the feed of its changes."""
