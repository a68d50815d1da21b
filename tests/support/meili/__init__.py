"""A fake Meilisearch v1.50 server, a proxy that makes faults, and a runner for a real server.

`fake` and `faults` are what tests use. `http` receives requests, `tasks` processes enqueued tasks
in batches, and `engine` stores documents and searches them.
"""
