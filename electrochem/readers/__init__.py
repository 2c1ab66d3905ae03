"""Readers of cyclers and impedance analysers, one file a format."""
