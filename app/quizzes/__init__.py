"""Fixed quizzes: a set of question revisions that never changes once it is made."""
