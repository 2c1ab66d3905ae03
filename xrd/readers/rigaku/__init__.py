"""Reader of Rigaku patterns (.ras)."""
