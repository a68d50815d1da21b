"""The in-memory index: bitmaps by facet, columns by question number."""
