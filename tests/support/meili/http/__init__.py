"""The HTTP side of the fake server: the listener, keys, and the routes."""
