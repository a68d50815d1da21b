"""Quizwell: a REST API and content service for question banks."""

__version__ = "0.1.0"
