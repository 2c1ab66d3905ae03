"""Reader of STOE patterns (.raw)."""
