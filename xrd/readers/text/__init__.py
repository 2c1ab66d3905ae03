"""Readers of patterns as text that no maker's mark tells."""
