"""The search engine of the fake server: indexes, queries, filters, ranking and highlighting."""
