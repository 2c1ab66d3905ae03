"""Galactic and Thermo GRAMS SPC."""
