"""From a row of a file to a changed question."""
