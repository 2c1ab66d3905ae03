"""Readers of Thermo OMNIC spectra, series and maps."""
