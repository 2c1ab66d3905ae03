"""One module a file format of mass spectra."""
