"""Reader of Galactic and Thermo GRAMS SPC files."""
