"""Is this column of numbers the wavenumber axis of a spectrum?"""

from __future__ import annotations

import numpy as np

from coatcore.errors import ReadError

# Far to near infrared in cm-1. Below lie angles, masses and time, above nothing infrared.
_HIGHEST_MIN, _HIGHEST_MAX = 200.0, 20000.0


def in_infrared(x: np.ndarray) -> bool:
    """Whether `x` lies where wavenumbers of infrared spectra lie.

    Parameters
    ----------
    x : numpy.ndarray, shape (n,)
        Candidate for wavenumbers in cm-1.

    Examples
    --------
    >>> in_infrared(np.linspace(400, 4000, 9)), in_infrared(np.linspace(10, 90, 9))
    (True, False)
    """
    return bool(x.size > 3 and x.min() >= 0 and _HIGHEST_MIN < x.max() < _HIGHEST_MAX)


def mostly_one_way(x: np.ndarray) -> bool:
    """Whether `x` rises or falls but for a few places, which are then worth naming.

    Parameters
    ----------
    x : numpy.ndarray, shape (n,)
        Candidate for an axis.

    Examples
    --------
    >>> mostly_one_way(np.array([1.0, 3.0, 2.0, 5.0]))
    False
    """
    step = np.diff(x)
    most = max(np.count_nonzero(step > 0), np.count_nonzero(step < 0))
    return bool(most >= 0.95 * step.size)


def counts_points(x: np.ndarray) -> bool:
    """Whether `x` is 0, 1, 2 …: no wavenumbers, but the points of an interferogram.

    Parameters
    ----------
    x : numpy.ndarray, shape (n,)
        Candidate for an axis.

    Examples
    --------
    >>> counts_points(np.arange(1.0, 5.0))
    True
    """
    return bool(x[0] in (0.0, 1.0) and np.all(np.diff(x) == 1.0))


def check_wavenumbers(source: object, x: np.ndarray, *, where: str = "wavenumbers") -> None:
    """Refuse an axis that repeats a value or turns back, and name the place.

    Parameters
    ----------
    source : object
        File, named in the error.
    x : numpy.ndarray, shape (n,)
        Wavenumbers in cm-1.
    where : str, optional
        What the error calls them.

    Raises
    ------
    ReadError
        If a value is no number, is below zero, occurs twice, or the direction changes.

    Examples
    --------
    >>> check_wavenumbers("a.csv", np.array([4000.0, 3998.0, 3998.0, 3996.0]))
    Traceback (most recent call last):
        ...
    coatcore.errors.ReadError: a.csv: wavenumbers: 3998 stands at points 2 and 3; ...
    """
    if x.size < 2 or not np.isfinite(x).all() or x.min() < 0:
        raise ReadError(source, f"{where}: {x.size} values, not all of them finite and positive")
    step = np.diff(x)
    if np.all(step > 0) or np.all(step < 0):
        return
    remedy = "export the spectrum with each wavenumber once, in one direction"
    order = np.argsort(x, kind="stable")
    twice = np.flatnonzero(np.diff(x[order]) == 0)
    if twice.size:
        first, second = sorted(order[twice[0] : twice[0] + 2] + 1)
        raise ReadError(
            source, f"{where}: {x[first - 1]:.10g} stands at points {first} and {second}", remedy
        )
    falls = np.count_nonzero(step < 0) > np.count_nonzero(step > 0)
    at = int(np.flatnonzero(step > 0 if falls else step < 0)[0])
    raise ReadError(
        source,
        f"{where}: the direction turns from {x[at]:.10g} to {x[at + 1]:.10g} at point {at + 2}",
        remedy,
    )
