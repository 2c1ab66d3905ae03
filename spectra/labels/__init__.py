"""The floor of the house: what an infrared spectrum is, and how a function runs along it."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
