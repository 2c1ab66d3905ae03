"""What every file of impedance has: frequencies, complex numbers, and sweeps that may repeat."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from electrochem.labels.labels import label_impedance

_SAME_AXIS = 1e-3
# What one of the unit is in ohm or Hz; the case of a prefix tells milli from mega.
_PREFIXES = {"": 1.0, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6,
             "Meg": 1e6, "meg": 1e6, "G": 1e9}  # fmt: skip


def sweeps(
    path: Path,
    frequency: Sequence[float] | np.ndarray,
    impedance: Sequence[complex] | np.ndarray,
    facts: Mapping[str, Any],
    *,
    warnings: Sequence[str] = (),
    unit: str = "ohm",
) -> xr.DataArray:
    """Labelled impedance of one file; sweeps over the same frequencies are stacked.

    Parameters
    ----------
    path : pathlib.Path
        For errors.
    frequency, impedance : array-like
        Shape (points,), Hz and ohm, in the order measured.
    facts : mapping
        Attributes to keep.
    warnings : sequence of str
        What is odd about the file.
    unit : str
        Of the impedance.

    Returns
    -------
    xarray.DataArray
        Dims (frequency,), or (scan, frequency) where the file holds several sweeps.

    Raises
    ------
    ReadError
        If there is no point, a frequency is not positive, or sweeps differ in frequencies.

    Examples
    --------
    >>> z = sweeps(Path("a.z"), [10, 1, 10, 1], [1, 2 - 1j, 1, 2 - 2j], {})
    >>> z.sizes["scan"], z.sizes["frequency"]
    (2, 2)
    """
    f, z = np.asarray(frequency, dtype=float), np.asarray(impedance, dtype=complex)
    if f.size < 2:
        raise ReadError(path, f"holds {f.size} frequencies", "export the whole spectrum")
    if not (np.isfinite(f).all() and np.isfinite(z).all()):
        raise ReadError(path, "holds values that are not finite numbers", "export it again")
    if (f <= 0).any():
        at = int(np.flatnonzero(f <= 0)[0]) + 1
        raise ReadError(path, f"point {at} has frequency {f[at - 1]:g} Hz; it must be positive")
    notes = list(warnings)
    f, z, doubles = _without_doubles(f, z)
    if doubles:
        notes.append(f"{doubles} points repeat the one before and are left out")
    turns = np.flatnonzero(np.sign(np.diff(f)) != np.sign(f[1] - f[0])) + 1
    starts = [0, *[int(t) for t in turns if _begins_anew(f, int(t))]]
    parts = np.split(np.arange(f.size), starts[1:])
    if len(parts) > 1 and parts[-1].size < parts[0].size:
        notes.append(f"the last sweep has {parts[-1].size} of {parts[0].size} points: left out")
        parts = parts[:-1]
    axis = f[parts[0]]
    for number, part in enumerate(parts[1:], 2):
        if part.size != axis.size or not np.allclose(f[part], axis, rtol=_SAME_AXIS, atol=0):
            raise ReadError(
                path,
                f"sweep {number} is not over the frequencies of the first",
                "export each sweep to a file of its own",
            )
    step = np.diff(axis)
    if not ((step > 0).all() or (step < 0).all()):
        at = int(np.flatnonzero(np.sign(step) != np.sign(step[0]))[0]) + 1
        raise ReadError(path, f"frequencies turn back at point {at} ({axis[at]:g} Hz)")
    values = np.stack([z[p] for p in parts])
    if (positive := float((values.imag > 0).mean())) > 0.5:
        notes.append(
            f"the imaginary part is positive at {positive:.0%} of the points: inductive, or -Z'' "
            "written as Z''"
        )
    attrs = dict(facts)
    if notes:
        attrs["warnings"] = "; ".join(notes)
    return label_impedance(axis, values[0] if len(parts) == 1 else values, unit=unit, **attrs)


def _without_doubles(f: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    double = np.r_[False, (np.diff(f) == 0) & (np.diff(z) == 0)]
    return f[~double], z[~double], int(double.sum())


def _begins_anew(f: np.ndarray, at: int) -> bool:
    """Whether a sweep begins at this point: the frequency jumps back to about the first."""
    return bool(np.isclose(f[at], f[0], rtol=0.05))


def impedance_columns(heads: Sequence[str]) -> dict[str, tuple[int, float]] | None:
    """Columns of frequency, real and imaginary part, each with the factor to Hz or ohm.

    Parameters
    ----------
    heads : sequence of str
        Column heads.

    Returns
    -------
    dict or None
        None where the heads name no impedance.

    Examples
    --------
    >>> impedance_columns(["Freq/Hz", " Z'/ohm", ' Z"/ohm'])
    {'frequency': (0, 1.0), 'real': (1, 1.0), 'imaginary': (2, 1.0)}
    >>> impedance_columns(["Frequency (Hz)", "Z' (kΩ)", "-Z'' (kΩ)"])["imaginary"]
    (2, -1000.0)
    """
    found: dict[str, tuple[int, float]] = {}
    for place, head in enumerate(heads):
        what = _meaning(head)
        if what is not None and what[0] not in found:
            found[what[0]] = (place, what[1])
    return found if {"frequency", "real", "imaginary"} <= set(found) else None


_REAL = re.compile(r"^(z'|zre(al)?|re\(?z\)?|z_?re(al)?|zr|real\(?z?\)?|z'\(a\))$")
_IMAGINARY = re.compile(r"^(z''|zim(ag)?|im\(?z\)?|z_?im(ag)?|zi|imag(inary)?\(?z?\)?|z''\(b\))$")


def per_area(heads: Sequence[str]) -> bool:
    """Whether the heads give the impedance times an area, as ohm cm2.

    Examples
    --------
    >>> per_area(["f/Hz", "Z'/ohm cm2", "Z''/ohm cm2"]), per_area(["f/Hz", "Z'/ohm", "Z''/ohm"])
    (True, False)
    """
    return any(re.search(r"cm\s*(\^?2|²)", head) for head in heads)


def _meaning(head: str) -> tuple[str, float] | None:
    text = head.strip().replace('"', "''") if head.count('"') < 4 else head.strip(" \"'")
    text = text.replace("″", "''").replace("′", "'").replace(" ", "")
    name, unit = text, ""
    cut = re.match(r"^(.*?)(?:/|\(|\[)\s*([^/()\[\]]*)[\])]?$", text)
    if cut and not text.lower().endswith(("(z)", "(a)", "(b)")):
        name, unit = cut.group(1), cut.group(2)
    sign = -1.0 if name.startswith(("-", "−")) else 1.0
    name = name.lstrip("-−").lower()
    if name in ("f", "freq", "freq.", "frequency"):
        factor = _factor(unit, r"hz")
        return None if factor is None else ("frequency", factor)
    factor = _factor(unit, r"(?:ohms?|ω|Ω|Ω)(?:[*·]?cm(?:\^?2|²))?")
    if factor is None:
        return None
    if _REAL.match(name):
        return "real", sign * factor
    if _IMAGINARY.match(name):
        return "imaginary", sign * factor
    return None


def _factor(unit: str, base: str) -> float | None:
    """What one of the unit is, or None where it is none of the base."""
    if not unit:
        return 1.0
    found = re.match(rf"^(.*?)(?i:{base})$", unit)
    return None if found is None else _PREFIXES.get(found.group(1))
