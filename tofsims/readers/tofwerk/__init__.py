"""TOFWERK and TESCAN."""
