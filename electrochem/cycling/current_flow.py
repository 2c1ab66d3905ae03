"""In which rows of a record does current flow, and in which does the cell rest?"""

from __future__ import annotations

import numpy as np
import xarray as xr

# Parts of the usual current: below the first a row is a rest; below the second it is one if the
# current set in at once and carried less than the third of the largest half cycle.
_REST, _OFFSET, _OFFSET_CHARGE = 1e-3, 0.02, 0.05
# A taper passes the second limit with steps smaller than this factor.
_AT_ONCE = 5.0


def rest_rows(record: xr.Dataset, *, rest_current: float | None = None) -> np.ndarray:
    """Whether each row is a rest, as `half_cycles` has it.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``.
    rest_current : float, optional
        A; below it a row is a rest.

    Returns
    -------
    numpy.ndarray
        Shape (record,), bool.

    Examples
    --------
    >>> from electrochem.simulating.cycling import simulate_record
    >>> int(rest_rows(simulate_record(1, cycles=1, rest=600.0)[0]).sum())
    22
    """
    time, current = (record[k].values.astype(float) for k in ("time", "current"))
    return signs_of_current(time, current, rest_current, []) == 0


def rows_once(record: xr.Dataset, warnings: list[str]) -> np.ndarray:
    """Rows that are no copies of earlier ones; says so of copies and of time going back.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``.
    warnings : list of str
        To which what is odd is added.

    Examples
    --------
    >>> from electrochem.simulating.cycling import simulate_record
    >>> record = simulate_record(1, cycles=1)[0]
    >>> rows_once(record, []).size <= record.sizes["record"]
    True
    """
    import pandas as pd

    columns = {k: record[k].values for k in ("time", "voltage", "current")}
    copy = pd.DataFrame(columns).duplicated().to_numpy()
    # A copy of a rest row or a first row of a step carries no charge and is no news.
    if int((copy & (columns["current"] != 0)).sum()) > max(2, 1e-3 * copy.size):
        warnings.append(f"{int(copy.sum())} rows occur twice; the copies are left out")
    rows = np.flatnonzero(~copy)
    back = int((np.diff(columns["time"][rows]) < 0).sum())
    if back:
        warnings.append(f"time goes backward {back} times; no charge is counted across these")
    return rows


def signs_of_current(
    t: np.ndarray, i: np.ndarray, rest_current: float | None, warnings: list[str]
) -> np.ndarray:
    """1 charge, -1 discharge, 0 rest, of each row; see `half_cycles` for what a rest is.

    Parameters
    ----------
    t, i : numpy.ndarray
        Shape (record,), s and A.
    rest_current : float, optional
        A; below it a row is a rest.
    warnings : list of str
        To which what is odd is added.

    Examples
    --------
    >>> signs_of_current(np.arange(3.0), np.array([1.0, 0.0, -1.0]), None, []).tolist()
    [1, 0, -1]
    """
    size = np.abs(i)
    if rest_current is not None:
        return np.where(size > float(rest_current), np.sign(i), 0).astype(int)
    passed = size * np.maximum(np.diff(t, prepend=t[:1]), 0.0)
    # A quantile of the charge: neither a spike nor long rests with an offset decide.
    order = np.argsort(size)
    summed = np.cumsum(passed[order])
    usual = float(size[order][np.searchsorted(summed, 0.75 * summed[-1])])
    if usual <= 0:
        usual = float(np.quantile(size[size > 0], 0.95))
    part = size / usual
    sign = np.where(part > _REST, np.sign(i), 0).astype(int)
    faint = (sign != 0) & (part <= _OFFSET)
    if not faint.any():
        return sign
    strong = np.flatnonzero((sign != 0) & ~faint)
    blocks = np.split(strong, np.flatnonzero(np.diff(sign[strong])) + 1)
    most = max(float(passed[b].sum()) for b in blocks)
    rows = np.flatnonzero(faint)
    edges = (np.diff(rows) > 1) | (np.diff(sign[rows]) != 0)
    stretches = np.split(rows, np.flatnonzero(edges) + 1)
    offset, count = 0.0, 0
    for stretch in stretches:
        before = part[stretch[0] - 1] if stretch[0] else np.inf
        turned = stretch[0] > 0 and i[stretch[0] - 1] * i[stretch[0]] < 0
        at_once = turned or before > _AT_ONCE * part[stretch[0]] or before <= _REST
        if at_once and passed[stretch].sum() < _OFFSET_CHARGE * most:
            sign[stretch] = 0
            offset, count = max(offset, float(size[stretch].max())), count + 1
    if count:
        warnings.append(
            f"a current of up to {offset:.3g} A ({100 * offset / usual:.2g} % of the usual one) "
            f"in {count} stretches is taken as the offset of the ammeter at rest; give "
            "rest_current if it flows"
        )
    return sign
