"""The room of bands: where one is, how wide it is, how far it moved, and with what uncertainty."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
