"""The indexes on the server: their settings, building, comparing and maintaining them."""
