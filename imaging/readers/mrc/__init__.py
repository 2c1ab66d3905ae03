"""Reader of MRC images of electron microscopes."""
