"""Pure functions for both engines: search documents, tokens, cleaned queries, edit distances."""
