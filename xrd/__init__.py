"""X-ray diffraction: read, find peaks, and compare two patterns with an error bar."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
