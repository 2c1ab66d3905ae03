"""Reader of point spectra of neaSPEC (attocube)."""
