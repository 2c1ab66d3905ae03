"""What ToF-SIMS offers to batch files, plans and reports."""
