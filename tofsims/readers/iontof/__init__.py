"""IONTOF."""
