"""The terms that questions carry: categories (a tree), companies and tags."""
