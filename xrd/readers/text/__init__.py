"""Patterns as text that no maker's mark tells."""
