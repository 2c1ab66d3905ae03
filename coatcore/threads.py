"""Keep linear algebra on one thread, so that a number does not depend on who else computes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Within it, BLAS, LAPACK and OpenMP use one thread.

    The sum of floating-point numbers depends on its order, and so on the number of threads.
    The matrices here are small: more threads would not be faster, and many processes with many
    threads each are slower.

    Examples
    --------
    >>> import numpy as np
    >>> with one_thread():
    ...     float(np.ones(3) @ np.ones(3))
    3.0
    """
    # Each has a BLAS of its own, which has to be there before it can be told.
    import numpy  # noqa: F401
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
