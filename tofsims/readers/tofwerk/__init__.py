"""Readers of TOFWERK and TESCAN HDF5 files: spectra, cubes, events."""
