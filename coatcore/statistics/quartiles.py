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


def median_interval(values: np.ndarray) -> tuple[float, float, float]:
    """Interval of the median between two order statistics, and its exact level.

    Parameters
    ----------
    values : numpy.ndarray, shape (n,)
        Independent; of any distribution.

    Returns
    -------
    (float, float, float)
        Ends, and the probability with which they hold the median: the least that reaches 95 %.
        NaN where none does, below six values.

    References
    ----------
    Conover, Practical Nonparametric Statistics, 1999, section 3.2.

    Examples
    --------
    >>> median_interval(np.arange(1.0, 9.0))
    (1.0, 8.0, 0.9921875)
    >>> median_interval(np.arange(5.0))
    (nan, nan, nan)
    """
    from scipy.stats import binom

    x = np.sort(np.asarray(values, dtype=float))
    k = np.arange(1, x.size // 2 + 1)
    level = 1 - 2 * binom.cdf(k - 1, x.size, 0.5)
    wide = np.flatnonzero(level >= 0.95)
    if not wide.size:
        return float("nan"), float("nan"), float("nan")
    best = int(k[wide[-1]])
    return float(x[best - 1]), float(x[-best]), float(level[wide[-1]])
