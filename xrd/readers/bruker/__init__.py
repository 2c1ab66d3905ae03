"""Bruker and Siemens DIFFRAC."""
