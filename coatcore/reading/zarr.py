"""Zarr stores that coatqc objects were written to with ``.to_zarr``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import ANY_KIND, BY_CONTENT, NO, FileStart, Reader

_MOST_BYTES, _MOST_CHUNK = 512 * 2**20, 64 * 2**20
_SHRUNK, _SMALL, _LARGEST_HEADER = 1000, 2**20, 2**24


def _recognises(start: FileStart) -> int:
    is_store = b"zarr_format" in start.head and start.path.is_dir()
    return BY_CONTENT if is_store else NO


def _read(path: Path) -> xr.DataArray | xr.Dataset:
    try:
        import zarr  # noqa: F401
    except ImportError as error:
        raise ReadError(
            path, "is a Zarr store; zarr is not installed", "pip install 'coatqc[zarr]'"
        ) from error
    from coatcore.reading.stored import restored

    size = _checked(path)
    if size <= _MOST_BYTES:
        with xr.open_zarr(path, chunks=None, consolidated=False) as dataset:
            return restored(dataset.load(), path)
    return restored(xr.open_zarr(path, chunks="auto", consolidated=False), path)


def _checked(path: Path) -> int:
    """Bytes that the arrays take in memory; a store that cannot be trusted is refused.

    What a store does not hold is filled with a value, so a few bytes may stand for any size.
    """
    stored = sum(p.stat().st_size for p in path.rglob("*") if p.is_file())
    size = 0.0
    for header in [*path.glob("*/zarr.json"), *path.glob("*/.zarray")]:
        if header.stat().st_size > _LARGEST_HEADER:
            raise ReadError(path, f"{header.parent.name} has a header larger than 16 MiB")
        about = json.loads(header.read_bytes())
        if about.get("node_type", "array") != "array":
            raise ReadError(path, f"holds a group {header.parent.name}; coatqc writes none")
        chunk = about.get("chunks") or about["chunk_grid"]["configuration"]["chunk_shape"]
        size += 8 * float(np.prod(about["shape"], dtype=float))
        if 8 * float(np.prod(chunk, dtype=float)) > _MOST_CHUNK:
            raise ReadError(path, f"{header.parent.name} has chunks of shape {chunk}")
    if size > max(_SMALL, _SHRUNK * stored):
        raise ReadError(path, f"its arrays take {size:.3g} bytes, the store holds {stored}")
    return int(size)


reader = Reader("coatqc_zarr", (ANY_KIND,), _recognises, _read)
