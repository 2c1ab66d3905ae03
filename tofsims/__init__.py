"""ToF-SIMS: ions and exact masses, calibration, peak areas, normalisation, box statistics."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
