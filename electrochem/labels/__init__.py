"""What a spectrum, a record and a table of cycles are; plausible numbers; per area."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
