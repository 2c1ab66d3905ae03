"""Photothermal Spectroscopy Corp."""
