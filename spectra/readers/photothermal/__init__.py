"""Reader of spectra and maps of Photothermal Spectroscopy Corp. (.ptir)."""
