"""Cyclers: Arbin, BaSyTec, BDF, Maccor, Neware, plain text."""
