"""Silence libraries that print while they read."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
import warnings
from collections.abc import Iterator


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Hold back prints, warnings and log lines: what goes wrong is told as a `ReadError`.

    Examples
    --------
    >>> with quietly():
    ...     print("noise")
    """
    import numpy as np

    old = logging.root.manager.disable
    # SpectroChemPy changes how numpy prints arrays, for the whole process.
    printing = np.get_printoptions()
    # And what happens to an error that nobody catches.
    hook = sys.excepthook
    logging.disable(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(old)
        np.set_printoptions(**printing)
        sys.excepthook = hook
