"""SEM and TEM images in TIFF, with pixel size from the vendors' tags or the text beside them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.provenance import SIMULATED_MARK
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader
from imaging.readers.tiff.sem_text import Facts

_MAGICS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
# An honest image of a microscope; a header that claims more is refused before it is decoded.
_MAX_BYTES = 256 * 2**20
_MAX_PAGES = 64
# Sides of a pixel that a microscope can have, in nm.
_SMALLEST, _LARGEST = 1e-4, 1e8
_WHITE_IS_ZERO, _PALETTE = 0, 3
_BYTE = 255
# Share of the pixels that a scale bar or mark may take in a palette of greys, as Zeiss draws them.
_MOST_DRAWN = 0.01


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.head.startswith(_MAGICS) else NO


def _grey(page: Any, path: Path, facts: Facts) -> np.ndarray:
    """Grey levels of a page, bright where the detector saw much."""
    values = page.asarray()
    if values.ndim == 3 and values.shape[-1] in (3, 4):
        if np.ptp(values[..., :3], axis=-1).any():
            raise _colour(path)
        return values[..., 0]
    if values.ndim != 2:
        raise ReadError(path, f"has {values.ndim} dimensions, expected rows and columns")
    if page.photometric == _PALETTE and page.colormap is not None:
        # Colours run to 65535; some programs write them to 255.
        colours = page.colormap >> 8 if page.colormap.max() > _BYTE else page.colormap
        drawn = int(np.count_nonzero((np.ptp(colours, axis=0) > 0)[values]))
        if drawn > _MOST_DRAWN * values.size:
            raise _colour(path)
        if drawn:
            old = facts.get("assumptions")
            now = f"{drawn} pixels are drawn in colour; they count as grey levels"
            facts["assumptions"] = f"{old}; {now}" if old else now
        return colours.mean(axis=0).round().astype(np.uint8)[values]
    if page.photometric == _WHITE_IS_ZERO:
        if values.dtype.kind != "u":
            raise ReadError(
                path, f"is a negative image of {values.dtype}", "save it with white as the largest"
            )
        return np.iinfo(values.dtype).max - values
    return values


def _colour(path: Path) -> ReadError:
    return ReadError(
        path, "is a colour image, in RGB or by a palette", "save the grey image of the detector"
    )


def _read(path: Path) -> xr.DataArray:
    import tifffile

    from imaging.labels.labels import labelled_image
    from imaging.readers.tiff.sem_text import beside
    from imaging.readers.tiff.tags import pixel_and_facts, require_plain

    with tifffile.TiffFile(path) as file:
        first = file.pages[0]
        if not first.shape or min(first.shape[:2]) < 2:
            raise ReadError(path, f"first page has shape {first.shape}: no image")
        if first.dtype is None or first.dtype.kind not in "uif":
            raise ReadError(path, f"pixels of type {first.dtype}, expected numbers")
        n = len(file.pages)
        claimed = 0
        for page in file.pages if n <= _MAX_PAGES else ():
            require_plain(page, path)
            claimed += math.prod(page.shape) * (page.dtype.itemsize if page.dtype else 1)
        if n > _MAX_PAGES or claimed > _MAX_BYTES:
            raise ReadError(
                path,
                f"claims {n} pages of {first.shape}, more than 256 MiB or 64 pages",
                "save fewer pages, or the file is damaged",
            )
        pixel, facts = pixel_and_facts(first)
        if pixel is None:
            # Vendors that write no tags of their own write a text beside the image.
            pixel, more = beside(path)
            facts.update(more)
        if pixel and not all(_SMALLEST <= side <= _LARGEST for side in pixel):
            pixel = None
        pages = [_grey(page, path, facts) for page in file.pages]
        description = first.tags.get("ImageDescription")  # type: ignore[union-attr]
        if description is not None and SIMULATED_MARK in str(description.value):
            facts["simulated"] = "yes"
    if len({p.shape for p in pages}) > 1:
        raise ReadError(path, "its pages have different sizes", "save each to a file of its own")
    values = pages[0] if n == 1 else np.stack(pages)
    return labelled_image(values, pixel, attrs=facts)


reader = Reader("microscope_tiff", ("image",), _recognises, _read)
