"""JCAMP-DX of infrared spectra (IUPAC 4.24 and 5.01)."""
