"""What was published, in memory: lists, single questions, facets, vocabularies and changes."""
