"""Bruker OPUS."""
