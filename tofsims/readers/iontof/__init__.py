"""Readers of what IONTOF SurfaceLab stores and exports: spectra, .bif6, images as text, .ita."""
