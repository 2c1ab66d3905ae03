"""PerkinElmer."""
