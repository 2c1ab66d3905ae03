"""neaSPEC (attocube)."""
