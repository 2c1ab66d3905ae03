"""Bruker OPUS files, through brukeropus."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import xarray as xr

from coatqc.core.errors import ReadError
from coatqc.core.reading import BY_CONTENT, NO, FileStart, Reader

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


def _read(path: Path) -> xr.DataArray:
    import brukeropus

    from spectra.labels import labelled_spectrum
    from spectra.readers.quiet import quietly

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
    blocks = [getattr(opus, key) for key in found[name]]
    x = np.asarray(blocks[0].x, dtype=float)
    if blocks[0].params.dxu != "WN":
        raise ReadError(path, f"x axis is in {blocks[0].params.dxu!r}, expected wavenumbers (WN)")
    same = all(len(b.x) == x.size and np.allclose(b.x, x) for b in blocks)
    stack = np.stack([np.asarray(b.y, dtype=float) for b in (blocks if same else blocks[:1])])
    if stack.shape[1] != x.size:
        raise ReadError(path, f"{x.size} wavenumbers but {stack.shape[1]} values: damaged")
    facts: dict[str, str | int | float] = {"instrument": "Bruker OPUS", "blocks": ", ".join(held)}
    scans = getattr(opus.params, "nss", None)
    if isinstance(scans, int):
        facts["scans"] = scans
    if _BLOCKS[name] == "single_channel":
        facts["assumptions"] = "single-channel spectrum: no ratio to a background was stored"
    values = stack[0] if stack.shape[0] == 1 else stack
    return labelled_spectrum(x, values, _BLOCKS[name], facts)


reader = Reader("bruker_opus", ("ir_spectrum",), _recognises, _read)
