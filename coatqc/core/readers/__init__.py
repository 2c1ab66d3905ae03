"""Readers of files that coatqc writes itself, of every kind."""
