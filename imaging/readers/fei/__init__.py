"""FEI and Thermo Fisher."""
