"""Reader of JCAMP-DX files of infrared spectra (IUPAC 4.24 and 5.01)."""
