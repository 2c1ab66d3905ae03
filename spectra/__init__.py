"""Infrared spectra, FTIR and nano-IR: from raw file to band position and carbonyl shift."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
