"""What infrared spectra offer to batch files, plans and reports."""
