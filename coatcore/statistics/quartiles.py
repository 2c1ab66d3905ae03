"""Where are the quartiles? By the definition that a program uses."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from coatcore.errors import MeasurementError

Quartiles = Literal["inclusive", "exclusive", "tukey", "averaged"]


def quartiles(values: np.ndarray, definition: Quartiles = "inclusive") -> tuple[float, ...]:
    """First quartile, median and third quartile.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Finite.
    definition : {"inclusive", "exclusive", "tukey", "averaged"}
        ``inclusive``: linear between the order statistics, type 7 of Hyndman & Fan (Matplotlib,
        NumPy, R, Excel QUARTILE.INC). ``exclusive``: type 6 (Minitab, SPSS, Excel
        QUARTILE.EXC). ``tukey``: hinges, medians of the halves with the median in both (R
        fivenum). ``averaged``: type 2, the empirical distribution with averaging (SAS
        PCTLDEF=5; one of the choices in OriginPro).

    Returns
    -------
    (float, float, float)

    Raises
    ------
    MeasurementError
        If the definition is none of these.

    References
    ----------
    Hyndman & Fan, Am. Stat. 1996, 50, 361; SAS/STAT User's Guide, "Percentile Definitions";
    Tukey, Exploratory Data Analysis, 1977.

    Examples
    --------
    >>> for name in ("inclusive", "exclusive", "tukey", "averaged"):
    ...     print(name, quartiles(np.arange(1.0, 7.0), name))
    inclusive (2.25, 3.5, 4.75)
    exclusive (1.75, 3.5, 5.25)
    tukey (2.0, 3.5, 5.0)
    averaged (2.0, 3.5, 5.0)
    """
    x = np.sort(np.asarray(values, dtype=float))
    if definition == "tukey":
        half = (x.size + 1) // 2
        return float(np.median(x[:half])), float(np.median(x)), float(np.median(x[-half:]))
    methods = {
        "inclusive": "linear",
        "exclusive": "weibull",
        "averaged": "averaged_inverted_cdf",
    }
    if definition not in methods:
        raise MeasurementError(
            f"quartiles are {definition!r}, expected one of {', '.join(get_args(Quartiles))}"
        )
    low, middle, high = np.percentile(x, [25, 50, 75], method=methods[definition])  # type: ignore[call-overload]
    return float(low), float(middle), float(high)
