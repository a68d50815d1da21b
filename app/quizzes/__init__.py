"""Quizzes: sets of question revisions that never change after their creation."""
