"""Photothermal mIRage files (.ptir): optical photothermal infrared spectra and hyperspectral maps.

HDF5 with a group for each measurement, in it a group for each channel with its ``Raw_Data``, one
row a place. The layout is that of PTIR Studio 4; its signal is in mV, no absorbance.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.hdf5_guard import attribute, members, numbers
from coatcore.reading.registry import BY_CONTENT, BY_NAME, NO, FileStart, Reader

_HDF5 = b"\x89HDF\r\n\x1a\n"
_MAX_BYTES = 512 * 2**20
_NM_PER = {"um": 1000.0, "µm": 1000.0, "μm": 1000.0, "nm": 1.0, "mm": 1e6}
_WAVENUMBER = ("cm-1", "cm⁻¹", "1/cm")
_LONGEST_LIST = 600


@dataclass(kw_only=True)
class _Channel:
    """One channel of one measurement; its values are not read yet."""

    measurement: str
    group: Any
    label: str
    signal: str
    unit: str
    data: Any

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.data.shape or ())

    def __str__(self) -> str:
        title = attribute(self.group, "Label") or ""
        size = " x ".join(str(n) for n in self.shape)
        return f"{self.measurement} {title!r}: {self.label or self.signal or 'channel'}, {size}"


def _recognises(start: FileStart) -> int:
    if not start.head.startswith(_HDF5):
        return NO
    if b"PTIR Studio" in start.head:
        return BY_CONTENT
    return BY_NAME if start.suffix == ".ptir" else NO


def _text(obj: Any, name: str) -> str:
    value = attribute(obj, name)
    return value if isinstance(value, str) else ""


def _number(obj: Any, name: str) -> float:
    value = attribute(obj, name)
    return value if isinstance(value, float) else float("nan")


def _channels(file: Any, path: Path) -> tuple[list[_Channel], list[_Channel], list[str]]:
    """Infrared channels, other channels, and what else the file holds."""
    import h5py

    infrared: list[_Channel] = []
    others: list[_Channel] = []
    rest: list[str] = []
    for name, group in members(file, path):
        if not isinstance(group, h5py.Group) or name == "Views":
            continue
        if not name.startswith("Measurement"):
            rest.append(f"{name} ({len(group)})")
            continue
        for inner, channel in members(group, path):
            if not inner.startswith("Channel") or not isinstance(channel, h5py.Group):
                continue
            data = dict(members(channel, path)).get("Raw_Data")
            if not isinstance(data, h5py.Dataset):
                continue
            found = _Channel(
                measurement=name,
                group=group,
                label=_text(channel, "Label"),
                signal=_text(channel, "DataSignal"),
                unit=_text(data, "units") or _text(channel, "Units"),
                data=data,
            )
            is_other = attribute(group, "IsBackground") == 1.0 or attribute(group, "IsRaman") == 1.0
            raman = "raman" in f"{found.signal} {found.label}".lower()
            (others if is_other or raman else infrared).append(found)
    return infrared, others, rest


def _wavenumbers(channel: _Channel, path: Path) -> np.ndarray:
    """Wavenumbers of a channel; they count for as many points as its spectra have."""
    held = dict(members(channel.group, path))
    if "Spectroscopic_Values" not in held:
        raise ReadError(path, f"{channel.measurement} has no Spectroscopic_Values", "save it again")
    axis = numbers(held["Spectroscopic_Values"], path).astype(float).ravel()
    unit = _text(held["Spectroscopic_Values"], "units")
    if unit not in _WAVENUMBER:
        raise ReadError(path, f"{channel.measurement} is over {unit!r}, not over cm-1")
    if len(channel.shape) != 2 or channel.shape[1] != axis.size:
        raise ReadError(
            path, f"{channel.measurement}: {axis.size} wavenumbers, data of shape {channel.shape}"
        )
    return axis


def _listed(items: list[Any]) -> str:
    text = "; ".join(str(i) for i in items)
    return text if len(text) <= _LONGEST_LIST else f"{text[:_LONGEST_LIST]} …"


def _facts(
    channels: list[_Channel], others: list[Any], file: Any, notes: list[str]
) -> dict[str, str | int | float]:
    """What the file says of the channels that were taken, and what else it holds."""
    channel = channels[0]
    facts: dict[str, str | int | float] = {
        "instrument": f"Photothermal mIRage, {_text(file, 'SoftwareVersion') or 'PTIR Studio'}",
        "units": channel.unit or "1",
        "long_name": "photothermal infrared intensity",
        "channel": channel.label or channel.signal,
    }
    background, averages = (
        {attribute(c.group, name) for c in channels} for name in ("BackgroundOption", "Averages")
    )
    if len(channels) == 1 and (when := _text(channel.group, "timestamp")):
        facts["acquired"] = when
    if len(background) == 1 and isinstance(name := background.pop(), str) and name:
        facts["background"] = name
    if len(averages) == 1 and isinstance(n := averages.pop(), float) and 0 < n < 2**31:
        facts["scans"] = int(n)
    if others:
        facts["also_holds"] = _listed(others)
    if not channel.unit:
        notes = [*notes, "the file states no unit of the intensity"]
    if notes:
        facts["assumptions"] = "; ".join(notes)
    return facts


def _map(channel: _Channel, path: Path, facts: dict[str, str | int | float]) -> xr.DataArray:
    from spectra.labels.labels import labelled_cube, labelled_spectrum
    from spectra.readers.stage import grid

    axis, values = _wavenumbers(channel, path), numbers(channel.data, path)
    held = dict(members(channel.group, path))
    unit = _text(held.get("Position_Values"), "units") if "Position_Values" in held else ""
    places = numbers(held["Position_Values"], path).astype(float) if unit in _NM_PER else None
    if places is None or places.shape != (len(values), 2):
        raise ReadError(
            path,
            f"{channel.measurement} has {len(values)} spectra without their stage positions",
            "export the spectra from PTIR Studio",
        )
    x, y = (places * _NM_PER[unit]).T
    if found := grid(y, x):
        rows, columns, order = found
        return labelled_cube(axis, values[order], "intensity", rows, columns, facts)
    along = {"stage_x": (x, "nm", "stage x"), "stage_y": (y, "nm", "stage y")}
    return labelled_spectrum(axis, values, "intensity", facts, series="position", along=along)


def _array(
    channels: list[_Channel], path: Path, facts: dict[str, str | int | float]
) -> xr.DataArray:
    """Single spectra of several measurements, which must share their axis and unit."""
    from spectra.labels.labels import labelled_spectrum

    axes = [_wavenumbers(c, path) for c in channels]
    alike = all(a.shape == axes[0].shape and np.allclose(a, axes[0]) for a in axes)
    if not alike or len({(c.signal, c.unit) for c in channels}) > 1:
        raise ReadError(
            path,
            f"holds infrared spectra that do not share axis, signal and unit: {_listed(channels)}",
            "save those that belong together into a file of their own",
        )
    rows = [numbers(c.data, path)[0] for c in channels]
    if len(rows) == 1:
        return labelled_spectrum(axes[0], rows[0], "intensity", facts)
    along: dict[str, tuple[Any, str, str]] = {
        "title": ([_text(c.group, "Label") for c in channels], "1", "title of the spectrum"),
        "acquired": ([_text(c.group, "timestamp") for c in channels], "1", "time of the spectrum"),
    }
    for coord in "xyz":
        stage = np.array([_number(c.group, f"Location{coord.upper()}") for c in channels])
        along[f"stage_{coord}"] = (stage * _NM_PER["um"], "nm", f"stage {coord}")
    return labelled_spectrum(
        axes[0], np.stack(rows), "intensity", facts, series="position", along=along
    )


def _read(path: Path) -> xr.DataArray:
    import h5py

    if path.stat().st_size > _MAX_BYTES:
        raise ReadError(path, "larger than 512 MiB", "save the measurement into a file of its own")
    with h5py.File(path, "r") as file:
        infrared, others, rest = _channels(file, path)
        if not infrared:
            held = _listed([*others, *rest]) or "nothing that PTIR Studio 4 writes"
            raise ReadError(
                path,
                f"holds no infrared spectrum: {held}",
                "export the spectra from PTIR Studio as text",
            )
        # The first channel that a measurement names is its signal; phases and sums follow.
        first = {c.measurement: c for c in reversed(infrared)}
        signals = [c for c in infrared if first[c.measurement] is c]
        maps = [c for c in signals if len(c.shape) == 2 and c.shape[0] > 1]
        if len(maps) > 1:
            raise ReadError(
                path,
                f"holds {len(maps)} maps: {_listed(maps)}",
                "save each into a file of its own",
            )
        taken = maps or signals
        left = [c for c in infrared if c not in taken]
        notes = [] if maps or len(taken) == 1 else ["stage positions are taken in µm"]
        facts = _facts(taken, [*left, *others, *rest], file, notes)
        return _map(taken[0], path, facts) if maps else _array(taken, path, facts)


reader = Reader("photothermal_ptir", ("ir_spectrum", "ir_cube"), _recognises, _read)
