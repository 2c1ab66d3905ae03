"""A list of what changed: new, missing, stronger, weaker and moved peaks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.ndimage import maximum_filter1d
from scipy.stats import norm

from xrd.alignment.align import Alignment
from xrd.comparing.changes import PeakChanges
from xrd.comparing.common_change import CommonChange
from xrd.comparing.differences import Differences, any_place_p
from xrd.labels.angles import d_spacing

COLUMNS = (
    "kind",
    "two_theta / degree",
    "d / angstrom",
    "change",
    "standard uncertainty",
    "unit",
    "z",
    "p",
)
# A peak that lost this share of its area is missing.
_MISSING = -0.8
_OF_STRONGEST, _OF_OWN = "of the strongest peak", "of its own area"


def change_table(
    fit: Alignment,
    found: Differences,
    changes: PeakChanges,
    left: CommonChange,
    *,
    alpha: float,
    free: float,
    wavelength: float | None,
) -> pd.DataFrame:
    """What differs beyond repeats, strongest evidence first.

    Parameters
    ----------
    fit : Alignment
        Of both patterns.
    found : Differences
        What a peak's shape finds at every place.
    changes, left : PeakChanges, CommonChange
        Of the reference's own peaks, and what is left after what moved all of them.
    alpha : float
        Each family of tests (places, areas, shifts) keeps this error rate over all it looks at.
    free : float
        Relative height of the reference below which a place is free of its peaks.
    wavelength : float or None
        In angstrom.

    Returns
    -------
    pandas.DataFrame
        Columns kind, two_theta / degree, d / angstrom (NaN without a wavelength), change,
        standard uncertainty, unit of both, z, p (for all places looked at).
    """
    rows: list[tuple[str, float, float, float, str, float, float]] = []
    n = changes.two_theta.size
    strongest = float(fit.profile.max())
    told: list[float] = []
    for kind, value, u in (
        ("area", left.intensity, left.intensity_u),
        ("shift", left.shift, left.shift_u),
    ):
        z = value / u
        p = np.minimum(1.0, n * 2 * norm.sf(np.abs(z)))
        for i in np.flatnonzero(p < alpha):
            word, unit = "shifted", "degree"
            if kind == "area":
                word = "stronger" if value[i] > 0 else "weaker"
                word = "missing" if value[i] < _MISSING else word
                unit = _OF_OWN
            place = float(changes.two_theta[i])
            rows.append((word, place, float(value[i]), float(u[i]), unit, float(z[i]), float(p[i])))
            told.append(place)
    rows += _places(fit, found, alpha, free, strongest, told)
    rows.sort(key=lambda row: row[6])
    table = pd.DataFrame(
        [(r[0], r[1], _d(r[1], wavelength), *r[2:]) for r in rows], columns=list(COLUMNS)
    )
    return table.reset_index(drop=True)


def _places(
    fit: Alignment,
    found: Differences,
    alpha: float,
    free: float,
    strongest: float,
    told: list[float],
) -> list[tuple[str, float, float, float, str, float, float]]:
    """Peaks where the reference has none, or other shapes where it has."""
    z = found.z
    near = 2 * max(1, round(0.75 * found.width / found.step)) + 1
    local = maximum_filter1d(fit.profile, near)
    rows = []
    taken: list[float] = []
    candidates = np.flatnonzero(np.abs(z) > 1.0)
    # Largest first, whatever its sign: beside a peak its template answers with the other sign.
    for i in candidates[np.argsort(-np.abs(z[candidates]))]:
        place = float(fit.two_theta[i])
        p = any_place_p(float(abs(z[i])), found.upcrossings)
        if p >= alpha:
            break
        if any(abs(place - other) < 3 * found.width for other in taken):
            continue
        taken.append(place)
        if any(abs(place - other) < 2 * found.width for other in told):
            continue
        height, own = float(found.height[i]), float(local[i])
        if own < free * strongest or height > own:
            kind = "new" if height > 0 else "missing"
        else:
            kind = "shape"
        unit = _OF_STRONGEST
        rows.append(
            (
                kind,
                place,
                height / strongest,
                float(found.spread[i]) / strongest,
                unit,
                float(z[i]),
                p,
            )
        )
    return rows


def _d(two_theta: float, wavelength: float | None) -> float:
    return float("nan") if wavelength is None else float(d_spacing(two_theta, wavelength))


def in_words(table: pd.DataFrame, lattice: Mapping[str, tuple[float, float]]) -> str:
    """One sentence of what changed, and what it looks like.

    Parameters
    ----------
    table : pandas.DataFrame
        As `change_table` gives it.
    lattice : mapping of str to (float, float)
        Relative change, and its standard uncertainty, of each cell length that changed.

    Examples
    --------
    >>> in_words(pd.DataFrame(columns=list(COLUMNS)), {})
    'no change stands out by itself'
    """
    parts = []
    for kind, words in (
        ("new", "new peak"),
        ("missing", "missing peak"),
        ("shifted", "shifted peak"),
        ("shape", "peak of another shape"),
    ):
        rows = table[table["kind"] == kind]
        if len(rows):
            places = ", ".join(f"{t:.2f}°" for t in rows["two_theta / degree"].head(3))
            more = ", …" if len(rows) > 3 else ""
            count = "" if len(rows) == 1 else f"{len(rows)} "
            plural = words.replace("peak", "peaks", 1) if len(rows) > 1 else words
            parts.append(f"{count}{plural} at {places}{more}")
    areas = table[table["kind"].isin(["stronger", "weaker"])]
    if len(areas):
        up, down = ((areas["kind"] == k).sum() for k in ("stronger", "weaker"))
        text = f"{up} of the reference's own peaks stronger and {down} weaker"
        if not len(table[table["kind"].isin(["new", "missing"])]):
            text += ", with none new or missing: as preferred orientation or few grains make them"
        parts.append(text)
    parts += [f"{name} {value:+.3%} ± {u:.3%}" for name, (value, u) in lattice.items()]
    return "; ".join(parts) if parts else "no change stands out by itself"
