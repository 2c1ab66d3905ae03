"""STOE."""
