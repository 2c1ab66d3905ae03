"""IONTOF SurfaceLab files (.ita, .itm, .its), read through pySPM.

The format is not published; pySPM (Apache-2.0) knows it from other files. It is an extra:
``pip install coatqc[iontof]``. Images of the mass intervals of an .ita are read, summed over its
scans; ``kind="mass_spectrum"`` reads the spectrum. This reader was tested against what pySPM
hands out, not on a file of an instrument: none is at hand. Check it against SurfaceLab.
"""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, BY_NAME, NO, FileStart, Reader
from tofsims.labels.labels import Facts, fragment_name, labelled_cube, labelled_spectrum
from tofsims.readers.iontof.header import polarity

_MAGIC = b"ITStrF01"
_TEXT = "export the spectrum or the images from SurfaceLab as text or .bif6"
_UNTESTED = "read through pySPM; not tested on files of this SurfaceLab version"
_NM_PER_M = 1e9


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.head.startswith(_MAGIC) else NO


def _recognises_spectrum(start: FileStart) -> int:
    return BY_NAME if _recognises(start) else NO


@contextlib.contextmanager
def _opened(path: Path, form: str) -> Iterator[Any]:
    """The file in pySPM, whose every failure becomes one sentence."""
    try:
        import pySPM
    except ImportError as error:
        raise ReadError(
            path,
            "is an IONTOF SurfaceLab file; pySPM is not installed",
            f"pip install 'coatqc[iontof]', or {_TEXT}",
        ) from error
    file = None
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            file = getattr(pySPM, form)(str(path))
            yield file
    except ReadError:
        raise
    except Exception as error:  # pySPM meets blocks that it does not know in many ways
        what = f"{type(error).__name__}: {error}".splitlines()[0][:160]
        raise ReadError(path, f"pySPM cannot read it ({what})", _TEXT) from error
    finally:
        if file is not None:
            file.f.close()


def _facts(file: Any) -> Facts:
    facts: Facts = {"instrument": "IONTOF ToF-SIMS", "assumptions": _UNTESTED}
    if isinstance(file.polarity, str) and file.polarity:
        facts["polarity"] = polarity(file.polarity)
    if isinstance(file.Nscan, int) and file.Nscan > 0:
        facts["scans"] = file.Nscan
    return facts


def _image(file: Any, interval: dict[str, Any]) -> np.ndarray:
    """Counts of one interval; older files number the images, newer ones name them."""
    try:
        counts = file.get_added_image_by_SN(interval["SN"], raw=True)
    except Exception:
        counts = file.get_added_image(int(interval["id"]))
    return np.asarray(counts, dtype=float)


def _read(path: Path) -> xr.DataArray:
    if path.suffix.lower() != ".ita":
        raise ReadError(
            path,
            "holds no images that are summed up already",
            'read(..., kind="mass_spectrum"), or save the images in SurfaceLab as .ita',
        )
    with _opened(path, "ITA") as file:
        # Below 2 stand the total and the sum of what no interval takes.
        intervals = [i for i in file.get_masses() if int(i["id"]) > 1]
        intervals.sort(key=lambda i: float(i["cmass"]))
        if not intervals:
            raise ReadError(path, "holds no mass intervals with images", _TEXT)
        images = [_image(file, i) for i in intervals]
        names = [
            fragment_name(str(i["assign"] or i["desc"] or ""), float(i["cmass"])) for i in intervals
        ]
        windows = np.array([[float(i["lmass"]), float(i["umass"])] for i in intervals])
        facts, field = _facts(file), float(file.fov or 0.0)
    counts = np.stack(images, axis=-1)
    if not np.isfinite(counts).all() or counts.min() < 0:
        raise ReadError(path, "its images hold negative or missing counts", _TEXT)
    side = field * _NM_PER_M / counts.shape[1]
    pixel = (side, side) if math.isfinite(side) and side > 0 else None
    return labelled_cube(counts, pixel, fragments=names, windows=windows, attrs=facts)


def _read_spectrum(path: Path) -> xr.DataArray:
    with _opened(path, "ITM" if path.suffix.lower() == ".itm" else "ITA") as file:
        try:
            (mz, counts), (channel, _) = file.get_spectrum(), file.get_spectrum(time=True)
        except Exception:  # raw files hold events only, which pySPM counts
            (mz, counts), (channel, _) = (
                file.get_raw_spectrum(),
                file.get_raw_spectrum(time=True),
            )
        facts = _facts(file)
    mz, channel, counts = (np.asarray(a, dtype=float) for a in (mz, channel, counts))
    # Before the time zero of the mass scale m/z mirror later ones.
    start = int(np.argmin(mz))
    mz, channel, counts = mz[start:], channel[start:], counts[start:]
    if mz.size < 2 or not (np.diff(mz) > 0).all() or not np.isfinite(counts).all():
        raise ReadError(path, "its spectrum has no rising m/z", _TEXT)
    if counts.min() < 0:
        raise ReadError(path, "its spectrum holds negative counts", _TEXT)
    return labelled_spectrum(mz, channel, counts, facts)


reader = Reader("iontof_surfacelab", ("mass_image",), _recognises, _read)
spectrum_reader = Reader(
    "iontof_surfacelab_spectrum", ("mass_spectrum",), _recognises_spectrum, _read_spectrum
)
