"""Full-text search over what is public, by an embedded engine or by Meilisearch."""
