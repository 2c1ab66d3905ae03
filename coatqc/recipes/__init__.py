"""What is asked: batch files, recipes, their schemas, and a first one to begin with."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
