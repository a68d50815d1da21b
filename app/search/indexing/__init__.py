"""What both engines read to index questions."""
