"""Quizwell: a REST API and content service for question banks."""
