"""Does a half cycle begin and end within the record?"""

from __future__ import annotations

import numpy as np

# V: how far short of where others end (or begin) a half cycle may do so.
_SHORT = 0.03
# Part of the charge of others that the first half cycle of a test must hold.
_NO_LESS = 0.95
_WORDS = {1: "charge", -1: "discharge"}


def begins_within(
    first: np.ndarray,
    blocks: list[np.ndarray],
    sign: np.ndarray,
    v: np.ndarray,
    since: np.ndarray | None,
    span: np.ndarray,
    time: np.ndarray,
    charge: np.ndarray,
    warnings: list[str],
) -> bool:
    """Whether the first half cycle begins within the record, by the rules of `half_cycles`.

    Parameters
    ----------
    first : numpy.ndarray
        Rows of the first half cycle.
    blocks : list of numpy.ndarray
        Rows of all.
    sign, v, span, time, charge : numpy.ndarray
        Shape (record,): of the current, V, s that current flowed, s since the test began, and
        charge that passed since the row before.
    since : numpy.ndarray, optional
        Shape (record,), s since the step began.
    warnings : list of str
        To which what is odd is added.

    Examples
    --------
    >>> rows, one = np.arange(5), np.ones(5)
    >>> begins_within(rows, [rows], one, 3 + rows / 10, 100.0 + rows, one, rows, one, [])
    False
    """
    if first[0] > 0:
        return True
    s, name = int(sign[first[0]]), _WORDS[int(sign[first[0]])]
    start = float((s * v[first[:3]]).min())
    usual = float(np.median(span[first]))
    if since is not None and np.isfinite(float(since[0])):
        if float(since[0]) <= 1.5 * usual:
            return True
        how = f"{float(since[0]) / 3600:.3g} h after its step began"
    else:
        others = [s * float(v[b[0]]) for b in blocks[1:] if sign[b[0]] == s]
        # Charge begins low, discharge high: both are low where the sign is taken along.
        limit = (
            max(others) + _SHORT
            if others
            else float((s * v).min()) + max(0.1 * float(np.ptp(v)), _SHORT)
        )
        if start <= limit:
            return True
        # A fresh cell begins elsewhere, and its first charge holds no less than what follows.
        compared = [b for b in blocks[1:] if sign[b[0]] == s] or blocks[1:2]
        held = [float(charge[b].sum()) for b in compared]
        whole = bool(held) and charge[first].sum() >= _NO_LESS * np.median(held)
        if whole and abs(time[0]) <= 1.5 * usual:
            return True
        how = f"at {abs(start):.3g} V" + (
            f", where others begin at {abs(float(np.median(others))):.3g} V" if others else ""
        )
    warnings.append(
        f"the record begins within the first half cycle, a {name} ({how}): it is incomplete"
    )
    return False


def end_within(
    blocks: list[np.ndarray], sign: np.ndarray, v: np.ndarray, warnings: list[str]
) -> list[bool]:
    """Whether each half cycle ends within the record, and where its kind does.

    Parameters
    ----------
    blocks : list of numpy.ndarray
        Rows of all half cycles.
    sign, v : numpy.ndarray
        Shape (record,): of the current, and V.
    warnings : list of str
        To which what is odd is added.

    Examples
    --------
    >>> rows = np.arange(5)
    >>> end_within([rows], np.array([1, 1, 1, 1, 0]), 3 + rows / 10, [])
    [True]
    """
    signs = np.array([int(sign[b[0]]) for b in blocks])
    ends = np.array([s * float((s * v[b[-5:]]).max()) for s, b in zip(signs, blocks, strict=True)])
    ended = []
    for k, b in enumerate(blocks):
        others = np.delete(signs * ends, k)[np.delete(signs, k) == signs[k]]
        short = bool(others.size) and bool(
            (np.abs(others - signs[k] * ends[k]) > _SHORT).all()
            and signs[k] * ends[k] < others.max()
        )
        last = bool(sign[-1]) and b[-1] == sign.size - 1
        if last and (short or not others.size):
            warnings.append("the record ends within the last half cycle: it is incomplete")
        elif short:
            usual = signs[k] * float(np.median(others))
            warnings.append(
                f"{_WORDS[int(signs[k])]} {1 + k // 2} ends at {ends[k]:.3g} V, where others end "
                f"at {usual:.3g} V: it is incomplete"
            )
        ended.append(not short and not (last and not others.size))
    return ended
