"""Reader of maps as grids of numbers in text."""
