"""imzML: the open format of imaging mass spectrometry, read through pyimzML.

`coatcore.read` gives the mass image over (y, x, mz); with ``kind="mass_spectrum"`` it gives
the sum of all pixels. Where each pixel has an m/z axis of its own ("processed" files), the
common axis holds each m/z that occurs. Where that is too large for memory, m/z are put into bins
of equal width in the root of m/z, which is in flight time, and attrs say how wide. Images of
single ions from such files come from `imzml_images`, at the full resolution of the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError, ReadError
from coatcore.reading.registry import BY_CONTENT, BY_NAME, NO, FileStart, Reader
from tofsims.labels.labels import Facts, labelled_cube, labelled_spectrum
from tofsims.readers.imzml.pair import Run, open_run

# Values of a cube in memory, and of an axis.
_MOST_VALUES, _MOST_DISTINCT = 2**25, 2**21


def _recognises(start: FileStart) -> int:
    head = start.head[:8192]
    is_one = b"<mzML" in head and (b"imagingMS" in head or b'"IMS"' in head)
    return BY_CONTENT if is_one or (b"<mzML" in head and start.suffix == ".imzml") else NO


def _recognises_spectrum(start: FileStart) -> int:
    # Only where a spectrum is asked for; else the image is what the file holds.
    return BY_NAME if _recognises(start) else NO


def _axis(run: Run, most: int) -> tuple[np.ndarray, bool]:
    """Every m/z that occurs, or the edges of bins where these are more than `most`."""
    axis = np.zeros(0)
    low, high, waiting, few = np.inf, 0.0, [axis], True
    size = 0
    for mz, _ in run.spectra():
        if mz.size:
            low, high = min(low, mz[0]), max(high, mz[-1])
            if few:
                waiting.append(mz)
                size += mz.size
        if size > 2 * most + 10**6:
            axis = np.unique(np.concatenate(waiting))
            few, size, waiting = axis.size <= most, axis.size, [axis]
        if run.shared:
            break
    axis = np.unique(np.concatenate(waiting))
    if axis.size == 0:
        raise ReadError(run.path, "its spectra hold no m/z", "export it again")
    if few and axis.size <= most:
        return axis, False
    return np.linspace(np.sqrt(low), np.nextafter(np.sqrt(high), np.inf), most + 1) ** 2, True


def _place(axis: np.ndarray, binned: bool, mz: np.ndarray) -> np.ndarray:
    if binned:
        return np.clip(np.searchsorted(axis, mz, side="right") - 1, 0, axis.size - 2)
    return np.searchsorted(axis, mz)


def _centres(axis: np.ndarray, binned: bool, facts: Facts) -> np.ndarray:
    """m/z of the common axis; where it is of bins, the facts say so."""
    if not binned:
        return axis
    root = np.sqrt(axis)
    width = 2 * np.sqrt(63.0) * (root[1] - root[0])
    words = (
        f"m/z in {axis.size - 1} bins even in the root of m/z, {width:.2g} u wide at m/z 63; "
        "imzml_images gives images of ions at full resolution"
    )
    facts["assumptions"] = f"{facts['assumptions']}; {words}" if "assumptions" in facts else words
    return ((root[1:] + root[:-1]) / 2) ** 2


def _read(path: Path) -> xr.DataArray:
    with open_run(path) as run:
        cells = int(np.prod(run.shape))
        axis, binned = _axis(run, max(1, _MOST_VALUES // cells))
        n = axis.size - binned
        counts = np.zeros((*run.shape, n))
        for place, (mz, values) in zip(run.places, run.spectra(), strict=True):
            counts[tuple(place)] += np.bincount(_place(axis, binned, mz), values, n)
        facts = dict(run.facts)
        return labelled_cube(
            counts if run.shape[0] > 1 else counts[0],
            run.pixel,
            mz=_centres(axis, binned, facts),
            attrs=facts,
        )


def _read_spectrum(path: Path) -> xr.DataArray:
    with open_run(path) as run:
        axis, binned = _axis(run, _MOST_DISTINCT)
        total = np.zeros(axis.size - binned)
        for mz, values in run.spectra():
            np.add.at(total, _place(axis, binned, mz), values)
        facts: Facts = {k: v for k, v in run.facts.items() if k != "assumptions"}
        facts["pixels"] = len(run.places)
        return labelled_spectrum(_centres(axis, binned, facts), None, total, facts)


def imzml_images(path: str | Path, windows: Mapping[str, tuple[float, float]]) -> xr.DataArray:
    """Images of ions from an imzML file, counted between given m/z.

    One spectrum at a time is in memory, so files of any size can be read.

    Parameters
    ----------
    path : path-like
        The .imzML; its .ibd must stand beside it.
    windows : mapping of str to (float, float)
        Name of each image and the m/z between which its counts are summed, in u; the lower
        end counts, the upper does not.

    Returns
    -------
    xarray.DataArray
        Dims (y, x, fragment), with scan in front where the file has several.

    Raises
    ------
    MeasurementError
        If a window is empty.
    ReadError
        If the files are damaged.

    Examples
    --------
    >>> imzml_images("a.imzML", {"PO3-": (79.1, 78.9)})
    Traceback (most recent call last):
        ...
    coatcore.errors.MeasurementError: window of PO3- goes from 79.1 to 78.9 u
    """
    if not windows:
        raise MeasurementError("no window was given: name an image and its m/z from and to")
    for name, (low, high) in windows.items():
        if not 0 <= low < high < np.inf:
            raise MeasurementError(f"window of {name} goes from {low:g} to {high:g} u")
    spans = np.array(list(windows.values()), dtype=float)
    with open_run(Path(path)) as run:
        counts = np.zeros((*run.shape, len(spans)))
        if counts.size > 2 * _MOST_VALUES:
            raise MeasurementError(f"images of shape {counts.shape} need more than 512 MiB")
        for place, (mz, values) in zip(run.places, run.spectra(), strict=True):
            running = np.concatenate(([0.0], np.cumsum(values)))
            ends = running[np.searchsorted(mz, spans)]
            counts[tuple(place)] = ends[:, 1] - ends[:, 0]
        return labelled_cube(
            counts if run.shape[0] > 1 else counts[0],
            run.pixel,
            fragments=list(windows),
            windows=spans,
            attrs={**run.facts, "source": Path(path).name},
        )


reader = Reader("imzml", ("mass_image",), _recognises, _read)
spectrum_reader = Reader("imzml_spectrum", ("mass_spectrum",), _recognises_spectrum, _read_spectrum)
