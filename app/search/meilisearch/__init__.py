"""The Meilisearch engine, and the mirror that keeps its indexes equal to what is public."""
