"""Reader of GSAS powder data."""
