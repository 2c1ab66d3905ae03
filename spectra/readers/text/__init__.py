"""Readers of text without a maker's mark: columns, and tables with a spectrum a row."""
