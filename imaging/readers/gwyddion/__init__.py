"""Gwyddion, and what other programs put beside its fields."""
