"""Thermo OMNIC."""
