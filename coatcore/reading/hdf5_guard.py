"""Is this part of an HDF5 file safe to read?

HDF5 can point to other files, build a dataset from others and unpack a few bytes into terabytes.
What a measurement needs is a plain array of numbers in the file itself, of a size that the file
can hold; everything else is refused before memory is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from coatcore.errors import ReadError

MOST_BYTES = 512 * 2**20
_MAX_CHUNK = 64 * 2**20
# Instruments' data shrink a few times at most; a small array may be all zeros.
_MOST_SHRUNK, _SMALL = 100, 2**20
_LONGEST_ATTRIBUTE, _MOST_MEMBERS = 4096, 20_000


def members(group: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """Name and object of what stands in a group itself; links to elsewhere are passed over.

    Parameters
    ----------
    group : h5py.Group
        Open.
    path : pathlib.Path
        For the error.

    Raises
    ------
    ReadError
        If the group has more members than any measurement.

    Examples
    --------
    >>> import h5py
    >>> with h5py.File("a", "w", driver="core", backing_store=False) as file:
    ...     file["here"], file["there"] = 1.0, h5py.ExternalLink("/etc/hostname", "/x")
    ...     [name for name, _ in members(file, Path("a"))]
    ['here']
    """
    import h5py

    if len(group) > _MOST_MEMBERS:
        raise ReadError(path, f"{group.name} has {len(group)} members", "the file is damaged")
    for name in group:
        if isinstance(group.get(name, getlink=True), h5py.HardLink):
            yield name, group[name]


def attribute(obj: Any, name: str) -> str | float | None:
    """One text or number that an object carries, or None.

    Parameters
    ----------
    obj : h5py.Group or h5py.Dataset
        Open.
    name : str
        Of the attribute.

    Examples
    --------
    >>> import h5py
    >>> with h5py.File("a", "w", driver="core", backing_store=False) as file:
    ...     file.attrs["units"] = np.array([b"c", b"m", b"-", b"1"])
    ...     attribute(file, "units")
    'cm-1'
    """
    if name not in obj.attrs:
        return None
    stored = obj.attrs.get_id(name)
    if stored.get_storage_size() > _LONGEST_ATTRIBUTE or stored.dtype.kind not in "SOiufb":
        return None
    value = np.asarray(obj.attrs[name]).ravel()
    if value.size == 0:
        return None
    if value.dtype.kind == "S":
        # PTIR Studio stores some texts as one array of single letters.
        return b"".join(value.tolist()).decode("utf-8", "replace").strip("\x00 ")
    if value.dtype.kind in "iufb":
        return float(value[0])
    return str(value[0])[:_LONGEST_ATTRIBUTE]


def require_plain(
    dataset: Any,
    path: Path,
    *,
    kinds: str = "iuf",
    most: int = MOST_BYTES,
    shrunk: int = _MOST_SHRUNK,
) -> None:
    """Refuse a dataset that is no plain array in this file, before a value of it is read.

    Parameters
    ----------
    dataset : h5py.Dataset
        Open.
    path : pathlib.Path
        For the error.
    kinds : str
        Kinds of numpy types that are allowed: numbers, or "V" for the rows of a table.
    most : int
        The most bytes that it may take in memory. What is read in blocks may take more.
    shrunk : int
        How many times it may have been shrunk. Images with few counts shrink more than spectra.

    Raises
    ------
    ReadError
        If it is no plain array in this file, or larger than its bytes in the file allow.

    Examples
    --------
    >>> import h5py
    >>> with h5py.File("a", "w", driver="core", backing_store=False) as file:
    ...     require_plain(file.create_dataset("words", data="text"), Path("a"))
    Traceback (most recent call last):
        ...
    coatcore.errors.ReadError: a: dataset /words holds object, not numbers; ...
    """
    import h5py

    if not isinstance(dataset, h5py.Dataset):
        raise ReadError(path, "holds a group where an array of numbers belongs")
    name, what = dataset.name, ""
    stored = dataset.id.get_storage_size()
    if dataset.dtype.kind not in kinds or dataset.dtype.hasobject:
        what = f"holds {dataset.dtype}, not numbers"
    elif dataset.is_virtual or dataset.external:
        what = "takes its values from elsewhere"
    elif dataset.shape is None or dataset.nbytes > most:
        what = f"has shape {dataset.shape}, more than {most // 2**20} MiB"
    elif dataset.chunks and np.prod(dataset.chunks, dtype=float) * dataset.dtype.itemsize > (
        _MAX_CHUNK
    ):
        what = f"has chunks of shape {dataset.chunks}"
    elif dataset.nbytes > max(_SMALL, shrunk * stored):
        what = f"has shape {dataset.shape}, but {stored} bytes in the file"
    if what:
        raise ReadError(
            path, f"dataset {name} {what}", "the file is damaged or was not made by an instrument"
        )


def numbers(dataset: Any, path: Path) -> np.ndarray:
    """Values of a dataset of numbers.

    Parameters
    ----------
    dataset : h5py.Dataset
        Open.
    path : pathlib.Path
        For the error.

    Returns
    -------
    numpy.ndarray
        In the type of the file.

    Raises
    ------
    ReadError
        If it is no plain array in this file, or larger than its bytes in the file allow.

    Examples
    --------
    >>> import h5py
    >>> with h5py.File("a", "w", driver="core", backing_store=False) as file:
    ...     numbers(file.create_dataset("bomb", (10**7,), "f4", compression="gzip"), Path("a"))
    Traceback (most recent call last):
        ...
    coatcore.errors.ReadError: a: dataset /bomb has shape (10000000,), but 0 bytes ...
    """
    require_plain(dataset, path)
    return np.asarray(dataset[()])
