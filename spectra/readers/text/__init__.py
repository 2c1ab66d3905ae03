"""Text that no maker's mark tells: columns, and tables with a spectrum a row."""
