"""Resistances and lengths of several cells of a kind, with the interval that a report gives."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
