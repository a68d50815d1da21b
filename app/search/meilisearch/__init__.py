"""The Meilisearch engine, and the mirror that replicates what is public into its indexes."""
