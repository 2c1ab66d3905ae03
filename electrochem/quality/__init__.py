"""What cells offer to batch files and reports."""
