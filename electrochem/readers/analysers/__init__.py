"""Frequency response analysers: Gamry, VersaStudio, ZPlot, plain text."""
