"""The mass scale: calibration ions, alignment, dead time, where a peak is."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
