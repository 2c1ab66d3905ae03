"""Statistics that more than one technique needs."""
