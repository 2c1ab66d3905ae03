"""How does a person look at found cracks, correct them, and have everything measured again?"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from scipy import ndimage

from coatcore import __version__
from coatcore.errors import MeasurementError, ReadError
from coatcore.plotting import OKABE_ITO
from imaging.cracks.figures import COLOURS, OUTLINE
from imaging.cracks.find import measure_cracks
from imaging.cracks.result import Cracks
from imaging.labels.requirements import in_its_own_pixels, require_flat_image
from imaging.particles.parameters import CrackParameters
from imaging.readers.tiff.tags import require_plain

# Files of a review. The first is to look at, the next two to correct, the tables to read.
OVERLAY, PARTICLES, CRACKS = "overlay.tif", "particles.tif", "cracks.tif"
FACTS = "review.json"
TABLES = ("particles.csv", "cracks.csv")


def review(found: Cracks, folder: str | Path) -> Path:
    """Write what was found so that a person can check and correct it.

    Writes ``overlay.tif`` (the image in colour, particles outlined and numbered, cracks
    coloured by kind), ``particles.tif`` and ``cracks.tif`` (numbers of particles and cracks,
    0 where there is none, to be corrected in ImageJ, napari or any editor that keeps numbers),
    ``particles.csv`` and ``cracks.csv``, to be read only, and ``review.json`` with the
    parameters and the image's checksum. `read_review` measures everything again from the two
    corrected images; kinds follow from what is drawn.

    Parameters
    ----------
    found : Cracks
        As `find_cracks` gives.
    folder : path-like
        Made if it is not there.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    MeasurementError
        If the folder holds a review already (corrections are not overwritten) or cannot be
        written.

    Examples
    --------
    >>> import tempfile
    >>> from imaging import find_cracks, read_review, simulate_sem
    >>> found = find_cracks(simulate_sem(2)[0])
    >>> folder = review(found, tempfile.mkdtemp())
    >>> len(read_review(found.image, folder).cracks) == len(found.cracks)
    True
    """
    import tifffile

    folder = Path(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MeasurementError(f"{folder}: cannot be made a folder ({error.strerror})") from error
    for name in (PARTICLES, CRACKS):
        if (folder / name).exists():
            raise MeasurementError(
                f"{folder / name} is there already, perhaps corrected; choose another folder"
            )
    tifffile.imwrite(folder / OVERLAY, _overlay(found), photometric="rgb", compression="zlib")
    for name, labels in ((PARTICLES, found.labels), (CRACKS, found.crack_labels)):
        values = labels.values
        kind = np.uint16 if values.max(initial=0) < 2**16 else np.uint32
        tifffile.imwrite(folder / name, values.astype(kind), compression="zlib")
    for name, table in zip(TABLES, (found.particles, found.cracks), strict=True):
        table.to_csv(folder / name, index=False)
    facts = {
        "coatqc": __version__,
        "image": str(found.image.attrs.get("source", "")),
        "image_sha256": _checksum(found.image),
        "parameters": asdict(found.parameters),
    }
    (folder / FACTS).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return folder


def _checksum(image: xr.DataArray) -> str:
    """Of an image's values, wherever it was read from."""
    values = np.ascontiguousarray(image.transpose("y", "x").values)
    return hashlib.sha256(str(values.shape).encode() + values.tobytes()).hexdigest()


def read_review(
    image: xr.DataArray, folder: str | Path, parameters: CrackParameters | None = None
) -> Cracks:
    """Measure everything again from a review that a person has corrected.

    Parameters
    ----------
    image : xarray.DataArray
        The image that was reviewed.
    folder : path-like
        As `review` wrote it: ``particles.tif`` and ``cracks.tif`` are read.
    parameters : CrackParameters, optional
        As for `measure_cracks`; by default those of the review.

    Returns
    -------
    Cracks
        A crack that was not touched keeps its pixels; its width is measured against the grey of
        the particle around all that is drawn now, so that its area may differ by some per cent.

    Raises
    ------
    ReadError
        If a file is missing or holds no whole numbers of one channel.
    MeasurementError
        If the image is not the one that was reviewed, or sizes do not agree with it.

    Examples
    --------
    >>> import tempfile
    >>> from imaging import find_cracks, simulate_sem
    >>> found = find_cracks(simulate_sem(2)[0])
    >>> folder = review(found, tempfile.mkdtemp())
    >>> read_review(found.image, folder).crack_area_fraction.unit
    '1'
    """
    folder = Path(folder)
    frame = in_its_own_pixels(require_flat_image(image))
    facts = _facts(folder / FACTS)
    if facts.get("image_sha256", _checksum(frame)) != _checksum(frame):
        raise MeasurementError(
            f"{folder} is the review of another image ({facts.get('image') or 'of no name'})"
        )
    if parameters is None:
        try:
            parameters = CrackParameters(**facts.get("parameters", {}))
        except (TypeError, MeasurementError) as error:
            raise ReadError(folder / FACTS, f"holds parameters of no use: {error}") from error
    labels, cracks = (
        frame.copy(data=_label_image(folder / name, frame.shape)) for name in (PARTICLES, CRACKS)
    )
    found = measure_cracks(frame, labels, cracks, parameters)
    note = f"particles and cracks as corrected in {folder.name}"
    return replace(found, notes=(*found.notes, note))


def _facts(path: Path) -> dict[str, Any]:
    """What `review` noted; nothing where a person has put the images together."""
    try:
        if not path.is_file() or path.stat().st_size > 2**20:
            return {}
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ReadError(path, f"cannot be read as JSON: {error}") from error
    if not isinstance(facts, dict) or not isinstance(facts.get("parameters", {}), dict):
        raise ReadError(path, "holds no table of facts", "`review` writes it")
    return facts


def _label_image(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    import tifffile

    if not path.is_file():
        raise ReadError(path, "is not there", "`review` writes it")
    try:
        with tifffile.TiffFile(path) as file:
            page = file.pages[0]
            require_plain(page, path)
            if page.shape[:2] != shape:
                raise MeasurementError(
                    f"{path} is {page.shape} pixels, the image {shape}: expected the same; "
                    "correct it without cropping or scaling"
                )
            values = page.asarray()
    except (MeasurementError, ReadError):
        raise
    except Exception as error:
        raise ReadError(path, f"cannot be read as TIFF: {error}") from error
    if values.ndim == 3:
        raise ReadError(path, "is in colour", "save numbers of one channel, 16 or 32 bit")
    whole = values.ndim == 2 and values.dtype.kind in "uif" and np.isfinite(values).all()
    if not whole or (values < 0).any() or (values != np.round(values)).any():
        raise ReadError(
            path,
            f"holds {values.dtype} of shape {values.shape}, expected whole numbers of rows and "
            "columns, 0 outside",
        )
    return values.astype(np.int64)


def _overlay(found: Cracks) -> np.ndarray:
    """The image in colour with outlines, numbers and cracks drawn on it."""
    from matplotlib.colors import to_rgb

    grey = found.image.values.astype(float)
    low, high = np.quantile(grey, [0.001, 0.999])
    shown = np.clip((grey - low) / max(high - low, 1e-12), 0, 1)
    picture = np.repeat((255 * shown).astype(np.uint8)[..., None], 3, axis=-1)
    number = found.labels.values
    edges = ndimage.maximum_filter(number, 3) != ndimage.minimum_filter(number, 3)
    picture[edges] = _byte(to_rgb(OUTLINE))
    kinds = np.concatenate([[""], found.cracks["kind"].to_numpy(str)])
    crack = found.crack_labels.values
    # Only the outline of a crack is drawn, so that one sees what was taken for it.
    rim = (crack > 0) & (ndimage.minimum_filter(crack, 3) == 0)
    for kind, colour in COLOURS.items():
        picture[rim & (kinds == kind)[crack]] = _byte(to_rgb(colour))
    for place, label in _middles(number):
        _write_number(picture, label, place, _byte(to_rgb(OKABE_ITO["yellow"])))
    return picture


def _byte(colour: tuple[float, float, float]) -> np.ndarray:
    return np.round(255 * np.array(colour)).astype(np.uint8)


def _middles(number: np.ndarray) -> list[tuple[tuple[int, int], int]]:
    found = []
    for label, near in enumerate(ndimage.find_objects(number), start=1):
        if near is not None:
            y, x = ((n.start + n.stop) // 2 for n in near)
            found.append(((y, x), label))
    return found


# Digits of 3 x 5 pixels, a row of the digit an octal figure.
_DIGITS = ("75557", "26227", "71747", "71717", "55711", "74717", "74757", "71122", "75757", "75717")
_MAGNIFIED = 2


def _write_number(
    picture: np.ndarray, label: int, place: tuple[int, int], colour: np.ndarray
) -> None:
    """Write a number into a picture, its upper left corner at `place`."""
    digits = str(label)
    mask = np.zeros((5, 4 * len(digits)), bool)
    for k, digit in enumerate(digits):
        for row, figure in enumerate(_DIGITS[int(digit)]):
            mask[row, 4 * k : 4 * k + 3] = [int(figure) & bit for bit in (4, 2, 1)]
    mask = np.repeat(np.repeat(mask, _MAGNIFIED, 0), _MAGNIFIED, 1)
    y, x = place
    part = picture[y : y + mask.shape[0], x : x + mask.shape[1]]
    part[mask[: part.shape[0], : part.shape[1]]] = colour
