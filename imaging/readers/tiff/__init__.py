"""TIFF as microscopes write it, and the text they put beside it."""
