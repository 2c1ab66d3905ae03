"""The room of readers: a folder a maker, a module a file format of infrared spectra."""
