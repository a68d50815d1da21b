"""The HTTP layer of every request: parsing, limits, headers, errors."""
