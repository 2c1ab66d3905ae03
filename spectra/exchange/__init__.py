"""The door to SpectroChemPy: spectra go there for its analyses, and what it makes comes back."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
