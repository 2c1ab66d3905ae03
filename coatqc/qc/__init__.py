"""Judge a batch: what was asked, what was measured, and whether it is good enough."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
