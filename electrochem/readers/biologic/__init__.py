"""Readers of BioLogic EC-Lab records, text (.mpt) and binary (.mpr)."""
