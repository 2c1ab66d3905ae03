"""What share of the material's particles is crack, or has lost contact, and how surely?"""

from __future__ import annotations

import numpy as np
import pandas as pd

from coatcore.coverage import coverage_factor
from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from imaging.labels.requirements import PIXEL

_METHOD = "ratio of summed {part} to summed {whole}, scatter between particles"


def crack_area_fraction(particles: pd.DataFrame, *, smallest_crack: float = 3000.0) -> Estimate:
    """Crack area fraction of the material that some particles are a sample of.

    Parameters
    ----------
    particles : pandas.DataFrame
        With columns ``area / nm2`` and ``crack area / nm2``, a row a particle; rows of several
        images of one sample may be put together.
    smallest_crack : float
        Area, nm2, of the smallest crack that would be seen (300 nm by 10 nm): what a limit
        rests on where no crack was found.

    Returns
    -------
    Estimate
        Unit 1. The interval is Student's t on the logarithm of the ratio, for crack areas are
        skewed; where no crack was found it runs from 0 to what the smallest crack in a twentieth
        of the particles (or in 3.7 of them, if that is more) would give.

    Raises
    ------
    MeasurementError
        With fewer than two particles: one says nothing of how particles scatter.

    References
    ----------
    Cochran, Sampling Techniques, 3rd ed., Wiley 1977, 6.4 (ratio estimate).

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"area / nm2": [1e6, 2e6, 1e6], "crack area / nm2": [1e4, 2e4, 0.0]})
    >>> round(crack_area_fraction(table).value, 4)
    0.0075
    """
    unit = "pixel2" if "area / pixel2" in particles else "nm2"
    _require(particles, f"area / {unit}", f"crack area / {unit}")
    area = particles[f"area / {unit}"].to_numpy(float)
    return ratio_of_sums(
        particles[f"crack area / {unit}"].to_numpy(float),
        area,
        names=("crack area", "particle area"),
        # Pixels of unknown size are taken as 20 nm wide.
        least=smallest_crack / (1.0 if unit == "nm2" else PIXEL**2) / float(area.mean())
        if area.size
        else 0.0,
    )


def lost_contact(particles: pd.DataFrame) -> Estimate:
    """Share of the particles' outline that has lost contact with the electrolyte.

    Parameters
    ----------
    particles : pandas.DataFrame
        With columns ``outline judged / nm`` and ``outline without contact / nm``.

    Returns
    -------
    Estimate
        Unit 1.

    Raises
    ------
    MeasurementError
        With fewer than two particles whose outline could be judged.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame(
    ...     {"outline judged / nm": [4.0, 4.0], "outline without contact / nm": [1.0, 2.0]}
    ... )
    >>> lost_contact(table).value
    0.375
    """
    unit = "pixel" if "outline judged / pixel" in particles else "nm"
    _require(particles, f"outline judged / {unit}", f"outline without contact / {unit}")
    judged = particles[f"outline judged / {unit}"].to_numpy(float)
    lost = particles[f"outline without contact / {unit}"].to_numpy(float)
    seen = judged > 0
    # Where none is lost: a piece of a twentieth of the outline would have been seen.
    return ratio_of_sums(
        lost[seen], judged[seen], names=("outline without contact", "outline"), least=0.05
    )


def _require(particles: pd.DataFrame, *columns: str) -> None:
    for name in columns:
        if name not in particles:
            raise MeasurementError(
                f"the table of particles has no column {name!r}; `find_cracks` makes one that has"
            )


def ratio_of_sums(
    part: np.ndarray, whole: np.ndarray, *, least: float, names: tuple[str, str]
) -> Estimate:
    """Ratio of sums over particles, with an interval from how particles scatter.

    Parameters
    ----------
    part, whole : numpy.ndarray, shape (n,)
        Of each particle.
    least : float
        Least ratio that would be seen in one particle.
    names : (str, str)
        Of part and whole, for the estimate's method.

    Raises
    ------
    MeasurementError
        With fewer than two particles.

    Examples
    --------
    >>> both = ratio_of_sums(np.ones(4), 4 * np.ones(4), least=0.1, names=("a", "b"))
    >>> both.value
    0.25
    """
    method = _METHOD.format(part=names[0], whole=names[1])
    n = whole.size
    if n < 2:
        raise MeasurementError(
            f"{n} particle{'' if n == 1 else 's'} seen whole enough to measure, 2 are needed"
        )
    ratio = float(part.sum() / whole.sum())
    if ratio <= 0:
        upper = min(1.0, max(3.7 / n, 0.05) * least)
        return Estimate.from_interval(0.0, 0.0, upper, n=n, method=f"{method}; none found")
    off = (part - ratio * whole) ** 2
    if ratio >= 1 - 1e-12:
        lower = 1 - max(3.7 / n, 0.05)
        return Estimate.from_interval(1.0, max(0.0, lower), 1.0, n=n, method=f"{method}; all of it")
    u = float(np.sqrt(n / (n - 1) * off.sum()) / whole.sum())
    # A few large particles with large deviations tell the scatter less well than n - 1 equal ones.
    share = float((off**2).sum() / off.sum() ** 2) if off.sum() > 0 else 1.0
    dof = max(1.0, min(n - 1.0, 1 / share))
    spread = np.exp(min(50.0, coverage_factor(dof) * u / ratio))
    return Estimate.from_interval(
        ratio,
        ratio / spread,
        max(ratio, min(1.0, ratio * spread)),
        standard_uncertainty=u,
        n=n,
        method=method,
    )
