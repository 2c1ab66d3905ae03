"""The room that faces coatqc: what infrared spectra offer to batch files, plans and reports."""
