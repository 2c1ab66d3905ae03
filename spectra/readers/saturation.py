"""Has the instrument's software clipped this absorbance?

OMNIC and OPUS write 6 where no light came through: the true absorbance is unknown there, and a
band fitted to such points is wrong without looking wrong.
"""

from __future__ import annotations

import numpy as np

CLIPPED = 6.0


def saturation(values: np.ndarray, quantity: str, level: float = CLIPPED) -> dict[str, str]:
    """Attribute that says how many points are clipped; empty where none is.

    Parameters
    ----------
    values : numpy.ndarray
        Ordinates as the file holds them.
    quantity : str
        Only an absorbance is clipped.
    level : float
        Absorbance at which the software clips.

    Returns
    -------
    dict
        ``{"saturated": "12 points at 6.0"}`` or empty.

    Examples
    --------
    >>> saturation(np.array([0.1, 6.0, 6.0]), "absorbance")
    {'saturated': '2 points at 6.0'}
    >>> saturation(np.array([0.1, 6.0, 6.0]), "single_channel")
    {}
    """
    count = int(np.count_nonzero(values == level)) if quantity == "absorbance" else 0
    return {"saturated": f"{count} points at {level}"} if count else {}
