"""Tests of the search engines, a folder for each part."""
