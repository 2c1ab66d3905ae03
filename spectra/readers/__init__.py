"""One module a file format of infrared spectra."""
