"""Reader of PANalytical and Malvern patterns (.xrdml)."""
