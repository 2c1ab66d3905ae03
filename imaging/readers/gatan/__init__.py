"""Gatan DigitalMicrograph."""
