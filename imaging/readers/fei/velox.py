"""Images of Thermo Fisher (FEI) Velox, .emd: HDF5 with its facts as JSON a frame."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.hdf5_guard import members, require_plain
from coatcore.reading.registry import BY_NAME, NO, FileStart, Reader

_MAGIC = b"\x89HDF\r\n\x1a\n"
_MAX_BYTES, _MAX_PAGES, _MAX_FACTS = 256 * 2**20, 64, 2**20


def _recognises(start: FileStart) -> int:
    return BY_NAME if start.suffix == ".emd" and start.head.startswith(_MAGIC) else NO


def _inside(group: Any, name: str, path: Path) -> Any:
    """Member of a group that stands in this file, or None."""
    import h5py

    if not isinstance(group, h5py.Group):
        return None
    return dict(members(group, path)).get(name)


def _facts_of(stored: Any, path: Path) -> dict[str, Any]:
    """Facts of the first frame, empty where they cannot be read."""
    if getattr(stored, "ndim", 0) != 2 or stored.shape[0] > _MAX_FACTS:
        return {}
    # JSON padded with zeros shrinks well.
    require_plain(stored, path, shrunk=1000)
    try:
        facts = json.loads(bytes(np.asarray(stored[:, 0], np.uint8)).rstrip(b"\0"))
    except (ValueError, RecursionError):
        return {}
    return facts if isinstance(facts, dict) else {}


def _deep(facts: Any, *names: str) -> Any:
    for name in names:
        facts = facts.get(name) if isinstance(facts, dict) else None
    return facts


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _pixel(facts: dict[str, Any]) -> tuple[float, float] | None:
    from imaging.labels.labels import nm_per

    result = _deep(facts, "BinaryResult")
    sides = []
    for axis, unit in (("height", "PixelUnitY"), ("width", "PixelUnitX")):
        size = _number(_deep(result, "PixelSize", axis))
        factor = nm_per(str(_deep(result, unit) or ""))
        if not size or not factor:
            return None
        sides.append(size * factor)
    return sides[0], sides[1]


def _read(path: Path) -> xr.DataArray:
    import h5py

    from imaging.labels.labels import labelled_image

    try:
        with h5py.File(path, "r") as file:
            images = _inside(_inside(file, "Data", path), "Image", path)
            groups = list(members(images, path)) if isinstance(images, h5py.Group) else []
            if not groups:
                raise ReadError(path, "holds no image under Data/Image: no image file of Velox")
            if len(groups) > 1:
                raise ReadError(
                    path,
                    f"holds {len(groups)} images (several detectors)",
                    "export the one to measure as TIFF",
                )
            group = groups[0][1]
            data = _inside(group, "Data", path)
            if not isinstance(data, h5py.Dataset) or data.ndim != 3:
                raise ReadError(path, "its image is no stack of numbers, rows by columns by frames")
            if data.shape[2] > _MAX_PAGES or min(data.shape) < 1:
                raise ReadError(path, f"claims {data.shape} values, more than 64 frames")
            require_plain(data, path, most=_MAX_BYTES)
            values = np.moveaxis(data[()], -1, 0)
            facts = _facts_of(_inside(group, "Metadata", path), path)
    except ReadError:
        raise
    except Exception as error:  # h5py raises whatever HDF5 meets in a damaged file
        raise ReadError(path, f"cannot be read as HDF5: {error}") from error
    attrs: dict[str, str | int | float] = {"instrument": "FEI/Thermo"}
    model = _deep(facts, "Instrument", "InstrumentModel")
    if isinstance(model, str) and model:
        attrs["microscope"] = model[:100]
    if voltage := _number(_deep(facts, "Optics", "AccelerationVoltage")):
        attrs["acceleration_voltage_kV"] = voltage / 1000
    if magnification := _number(_deep(facts, "Optics", "NominalMagnification")):
        attrs["magnification"] = magnification
    detector = _deep(facts, "BinaryResult", "Detector")
    if isinstance(detector, str) and detector:
        attrs["detector"] = detector[:100]
    if min(values.shape[1:]) < 2:
        raise ReadError(path, f"holds {values.shape} values: no image")
    return labelled_image(values if len(values) > 1 else values[0], _pixel(facts), attrs=attrs)


reader = Reader("fei_velox_emd", ("image",), _recognises, _read)
