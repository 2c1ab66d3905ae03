"""What maps and images offer to batch files, plans and reports."""
