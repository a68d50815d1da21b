"""Published questions in memory, and the routes that list, read, count and follow them."""
