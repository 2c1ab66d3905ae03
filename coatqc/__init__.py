"""Is this coating good? Raw surface-analysis files in, an answer with honest uncertainty out.

The measurements live in the technique packages `spectra`, `imaging`, `tofsims` and `xrd`;
`coatqc.core` holds what they stand on, `coatqc.qc` judges a batch, `coatqc.report` writes it up.
"""

import lazy_loader as _lazy

__version__ = "0.1.0"

# The .pyi beside this file lists what is public; nothing heavy is imported until it is used.
__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
