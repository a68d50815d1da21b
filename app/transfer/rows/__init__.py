"""Turns the rows of a file into changes of questions."""
