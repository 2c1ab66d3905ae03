"""GSAS."""
