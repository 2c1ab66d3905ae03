"""Reader of spectra and maps of PerkinElmer (.sp, .fsm)."""
