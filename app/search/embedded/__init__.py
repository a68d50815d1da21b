"""The embedded engine: full-text search over SQLite FTS5 in a file of its own.

Indexing: synchronizer, tables, index_file. Query: engine, index_reader, interpreter, matcher,
postings, finder, ranking, highlighting.
"""
