"""IONTOF mass spectra exported as text: columns Channel, m/z, Intensity."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import xarray as xr

from coatqc.core.delimited import read_text
from coatqc.core.errors import ReadError
from coatqc.core.provenance import SIMULATED_MARK
from coatqc.core.reading import BY_CONTENT, NO, FileStart, Reader

_HEAD = re.compile(r"^Channel\s+m/z(?:\s*\(u\))?\s+Intensity\s*$", re.IGNORECASE | re.MULTILINE)
_LEFT_OUT = "Channels without counts are left out"
_MAX_CHANNELS = 20_000_000


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.text is not None and _HEAD.search(start.text[:8192]) else NO


def _read(path: Path) -> xr.DataArray:
    from tofsims.labels import labelled_spectrum

    text = read_text(path)
    head = _HEAD.search(text)
    if head is None:
        raise ReadError(path, "has no line 'Channel m/z Intensity' over its columns")
    import pandas as pd

    try:
        table = pd.read_csv(
            io.StringIO(text[head.end() :]), sep=r"\s+", header=None, dtype=float
        ).to_numpy()
    except ValueError as error:
        raise ReadError(path, f"its columns are not numbers ({error})") from error
    if table.shape[0] < 2 or table.shape[1] != 3:
        raise ReadError(path, f"has a table of shape {table.shape}, expected 3 columns")
    channel, mz, counts = table.T
    if not np.isfinite(table).all() or counts.min() < 0:
        raise ReadError(path, "holds negative or missing intensities")
    if not (np.all(np.diff(mz) > 0) and np.all(np.diff(channel) > 0)):
        raise ReadError(path, "its channels or m/z do not rise from line to line")
    notes = text[: head.start()]
    if _LEFT_OUT in notes:
        channel, mz, counts = _fill(path, channel, mz, counts)
    facts: dict[str, str | int | float] = {"instrument": "IONTOF ToF-SIMS"}
    if binning := re.search(r"Binning:\s*(\d{1,9})", notes):
        facts["binning_channels"] = int(binning[1])
    if dead := re.search(r"Deadtime Correction:\s*(\w+)", notes):
        facts["dead_time_corrected"] = "yes" if dead[1].lower() == "on" else "no"
    if SIMULATED_MARK in notes:
        facts["simulated"] = "yes"
    return labelled_spectrum(mz, channel, counts, facts)


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
