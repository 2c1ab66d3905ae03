"""Objects of the R package tofsims."""
