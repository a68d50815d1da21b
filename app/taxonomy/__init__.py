"""Terms that classify questions: categories (a tree), companies and tags."""
