"""Bruker OPUS files, through brukeropus."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.registry import BY_CONTENT, NO, FileStart, Reader

_MAGIC = b"\x0a\x0a\xfe\xfe"
_MAX_BYTES = 512 * 2**20
# What a block of brukeropus holds, best first: a ratio before what it was made from.
_BLOCKS = {
    "a": "absorbance",
    "t": "transmittance",
    "r": "reflectance",
    "sm": "single_channel",
    "rf": "single_channel",
}


def _recognises(start: FileStart) -> int:
    return BY_CONTENT if start.head.startswith(_MAGIC) else NO


def _same_axis(path: Path, blocks: list[Any]) -> np.ndarray:
    """Wavenumbers that all blocks share."""
    x = np.asarray(blocks[0].x, dtype=float)
    for block in blocks:
        if block.params.dxu != "WN":
            raise ReadError(path, f"x axis is in {block.params.dxu!r}, expected wavenumbers (WN)")
        if len(block.x) != x.size or not np.allclose(block.x, x):
            raise ReadError(
                path,
                f"its spectra have different axes ({x.size} and {len(block.x)} points)",
                "save them one by one from OPUS",
            )
    return x


def _read(path: Path) -> xr.DataArray:
    import brukeropus

    from coatcore.reading.quiet import quietly
    from spectra.labels.labels import labelled_spectrum
    from spectra.readers.saturation import saturation

    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 512 MiB", "export single spectra from OPUS")
    with quietly():
        opus = brukeropus.read_opus(str(path))
    held = list(opus.all_data_keys)
    found = {name: [k for k in held if re.fullmatch(rf"{name}(_\d+)?", k)] for name in _BLOCKS}
    name = next((n for n in _BLOCKS if found[n]), None)
    if name is None:
        raise ReadError(
            path,
            f"holds no spectrum, only {', '.join(held) or 'parameters'}",
            "save the absorbance block in OPUS",
        )
    keys = found[name]
    blocks = [getattr(opus, key) for key in keys]
    x = _same_axis(path, blocks)
    rows = [np.atleast_2d(np.asarray(b.y, dtype=float)) for b in blocks]
    if wrong := [r.shape[1] for r in rows if r.shape[1] != x.size]:
        raise ReadError(path, f"{x.size} wavenumbers but {wrong[0]} values: damaged")
    values = np.concatenate(rows)
    times = [
        " ".join(str(getattr(b.params, k, "")) for k in ("dat", "tim")).strip() for b in blocks
    ]
    facts: dict[str, str | int | float] = {"instrument": "Bruker OPUS", "blocks": ", ".join(held)}
    facts |= saturation(values, _BLOCKS[name])
    scans = getattr(opus.params, "nss", None)
    if isinstance(scans, int):
        facts["scans"] = scans
    if _BLOCKS[name] == "single_channel":
        facts["assumptions"] = "single-channel spectrum: no ratio to a background was stored"
    if len(values) == 1:
        if times[0]:
            facts["acquired"] = times[0]
        return labelled_spectrum(x, values[0], _BLOCKS[name], facts)
    if len(blocks) > 1 and len(set(times)) == 1:
        facts["assumptions"] = (
            f"blocks {', '.join(keys)} carry one time: they may be one measurement before and "
            "after a correction, not repeats"
        )
    counts = [len(r) for r in rows]
    along = {
        "block": (np.repeat(keys, counts), "1", "block of the OPUS file"),
        "acquired": (np.repeat(times, counts), "1", "time of the block"),
    }
    return labelled_spectrum(x, values, _BLOCKS[name], facts, along=along)


reader = Reader("bruker_opus", ("ir_spectrum",), _recognises, _read)
