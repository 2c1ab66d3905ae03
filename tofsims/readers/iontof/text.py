"""IONTOF mass spectra exported as text: columns Channel, m/z, Intensity.

The channel may be left out, units may stand behind the names, columns may be cut by tabs,
semicolons or blanks, and the decimal mark may be a comma.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.delimited import read_text
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader

_UNIT = r"(?:[ \t]*[(\[][^)\]\n]{0,12}[)\]])?"
# "Mass" alone may be anything; with its unit it is m/z.
_MZ = rf"(?:m/z{_UNIT}|mass[ \t]*[(\[](?:u|amu|da)[)\]])"
_CUT = r"\"?[ \t;,]+\"?"
_HEAD = re.compile(
    rf"^[#%]?[ \t]*\"?(?:(channel){_UNIT}{_CUT})?{_MZ}{_CUT}"
    rf"(?:intensity|counts){_UNIT}\"?[ \t;]*\r?$",
    re.IGNORECASE | re.MULTILINE,
)
_LEFT_OUT = "Channels without counts are left out"
_MAX_CHANNELS = 20_000_000
_AGAIN = "export the spectrum again"


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.text is not None and _HEAD.search(start.text[:8192]) else NO


def _read(path: Path) -> xr.DataArray:
    from tofsims.labels.labels import labelled_spectrum
    from tofsims.readers.columns import numbers_below
    from tofsims.readers.iontof.header import spectrum_facts

    text = read_text(path)
    head = _HEAD.search(text)
    if head is None:
        raise ReadError(path, "has no line 'Channel m/z Intensity' over its columns")
    notes = text[: head.start()]
    facts, promised = spectrum_facts(notes, path)
    columns = 3 if head[1] else 2
    table = numbers_below(text[head.end() :], columns, path)
    channel = table[:, 0] if columns == 3 else None
    mz, counts = table[:, -2], table[:, -1]
    _check(path, channel, mz, counts)
    found, assumptions = len(mz), []
    if _LEFT_OUT in notes and channel is not None:
        channel, mz, counts = _fill(path, channel, mz, counts)
    if promised is not None:
        # SurfaceLab may count channels before they were binned.
        whole = {promised, -(-promised // int(facts.get("binning_channels", 1)))}
        if not whole & {found, len(mz)}:
            raise ReadError(
                path,
                f"its header promises {promised} channels, found {found}",
                f"the file is cut; {_AGAIN}",
            )
    if channel is None:
        assumptions.append("the file has no channels; they are taken as even in the root of m/z")
    if not text.endswith(("\n", "\r")):
        assumptions.append("the last line does not end; it may be cut")
    if assumptions:
        facts["assumptions"] = "; ".join(assumptions)
    return labelled_spectrum(mz, channel, counts, facts)


def _check(path: Path, channel: np.ndarray | None, mz: np.ndarray, counts: np.ndarray) -> None:
    """Refuse what no spectrum holds, and say where it stands."""
    if counts.min() < 0:
        at = int(np.argmin(counts))
        raise ReadError(
            path,
            f"holds {counts[at]:g} counts at m/z {mz[at]:.6g}",
            "counts cannot be negative; export them without background subtraction",
        )
    for name, axis in (("m/z", mz), ("channel", channel)):
        if axis is not None and not (step := np.diff(axis) > 0).all():
            at = int(np.argmin(step))
            raise ReadError(
                path,
                f"{name} does not rise: {axis[at]:.9g} is followed by {axis[at + 1]:.9g}",
                "one spectrum a file, from low to high m/z",
            )
    if mz[0] < 0 or mz[-1] > 1e7:
        raise ReadError(path, f"m/z goes from {mz[0]:g} to {mz[-1]:g} u")


def _fill(
    path: Path, channel: np.ndarray, mz: np.ndarray, counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Put back the channels that the export left out because nothing was counted in them."""
    step = np.diff(channel).min()
    index = (channel - channel[0]) / step
    n = int(index[-1]) + 1
    if n > _MAX_CHANNELS or not np.allclose(index, np.rint(index), atol=1e-6):
        raise ReadError(path, f"its channels do not lie on one grid of step {step:g}")
    whole = channel[0] + step * np.arange(n)
    filled = np.zeros(n)
    filled[np.rint(index).astype(int)] = counts
    # Flight time is linear in the root of m/z, so nothing is guessed between stored channels.
    return whole, np.interp(whole, channel, np.sqrt(mz)) ** 2, filled


reader = Reader("iontof_text", ("mass_spectrum",), _recognises, _read)
