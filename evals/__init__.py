"""Suites of questions, run through the real graph and a real sandbox, and what the results say."""
