"""Worlds, helpers and recorded exchanges that the tests of search share."""
