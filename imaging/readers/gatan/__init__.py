"""Reader of Gatan DigitalMicrograph images (.dm3, .dm4)."""
