"""Rigaku."""
