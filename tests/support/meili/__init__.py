"""A fake Meilisearch v1.50 of our own, a proxy that makes faults, and a real server to compare."""
