"""One module a file format of diffraction patterns."""
