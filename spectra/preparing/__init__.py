"""The room where spectra are made fit to measure: air, ATR, baseline, scale, scatter, smoothing."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
