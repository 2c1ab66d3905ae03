"""NetCDF files that coatqc objects were written to with ``.to_netcdf``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import xarray as xr

from coatcore.errors import ReadError
from coatcore.reading.hdf5_guard import MOST_BYTES, members, require_plain
from coatcore.reading.registry import ANY_KIND, BY_CONTENT, NO, FileStart, Reader

_HDF5 = b"\x89HDF\r\n\x1a\n"
_CLASSIC = (b"CDF\x01", b"CDF\x02")
_MOST_STORED, _SHRUNK = 2**40, 1000
_MOST_WORDS, _LONGEST = 10_000, 2**20


def _recognises(start: FileStart) -> int:
    if start.head.startswith(_CLASSIC):
        return BY_CONTENT
    if not start.head.startswith(_HDF5):
        return NO
    # netCDF libraries say so in the root; other HDF5 belongs to instruments.
    return BY_CONTENT if b"_NCProperties" in start.head or start.suffix == ".nc" else NO


def _read(path: Path) -> xr.DataArray | xr.Dataset:
    from coatcore.reading.stored import restored

    with path.open("rb") as file:
        classic = file.read(4) in _CLASSIC
    size = path.stat().st_size if classic else _checked(path)
    if size <= MOST_BYTES:
        with xr.open_dataset(path, engine="scipy" if classic else "h5netcdf") as dataset:
            return restored(dataset.load(), path)
    if classic:
        raise ReadError(path, "larger than 512 MiB", 'write it with engine="h5netcdf"')
    return restored(xr.open_dataset(path, engine="h5netcdf", chunks="auto"), path)


def _checked(path: Path) -> int:
    """Bytes that the variables take in memory; a file that cannot be trusted is refused."""
    import h5py

    size = 0
    with h5py.File(path, "r") as file:
        for _, variable in members(file, path):
            if isinstance(variable, h5py.Datatype):
                # How netCDF names the type of complex numbers.
                continue
            if not isinstance(variable, h5py.Dataset):
                raise ReadError(path, f"holds a group {variable.name}; coatqc writes none")
            if h5py.check_string_dtype(variable.dtype) is not None:
                _check_words(variable, path)
            else:
                require_plain(variable, path, kinds="iufc", most=_MOST_STORED, shrunk=_SHRUNK)
                size += variable.nbytes
    return size


def _check_words(variable: Any, path: Path) -> None:
    """Names of fragments and the like; many may share one long text."""
    total = 0
    if variable.is_virtual or variable.external or (variable.size or 0) > _MOST_WORDS:
        raise ReadError(path, f"{variable.name} holds {variable.size} words")
    if (variable.dtype.itemsize * variable.size) > _LONGEST:
        raise ReadError(path, f"{variable.name} holds words of {variable.dtype.itemsize} letters")
    for word in variable if variable.shape else [variable[()]]:
        total += len(word)
        if total > _LONGEST:
            raise ReadError(path, f"{variable.name} holds more than 1 MiB of words")


reader = Reader("coatqc_netcdf", (ANY_KIND,), _recognises, _read)
