"""BioLogic EC-Lab."""
