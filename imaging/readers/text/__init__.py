"""Grids of numbers as text."""
