"""The tasks of the fake server: what is enqueued, how it is batched, and what it changes."""
