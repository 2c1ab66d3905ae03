"""What diffraction patterns offer to batch files, plans and reports."""
