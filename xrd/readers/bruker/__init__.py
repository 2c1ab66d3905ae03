"""Readers of Bruker and Siemens DIFFRAC patterns (.raw, .brml, .uxd)."""
