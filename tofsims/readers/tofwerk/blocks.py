"""How are counts read from an HDF5 file block by block, without keeping it open?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from coatcore.errors import ReadError

_BLOCK = 32 * 2**20


@dataclass(frozen=True, kw_only=True)
class StoredCounts:
    """An array of counts in an HDF5 file; slicing it opens the file, reads, and closes it.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    name : str
        The dataset.
    shape : tuple of int
        Scans, rows, columns, peaks.
    chunks : tuple of int
        What the file compresses as one.
    factor : float
        What the stored values are multiplied by to be counts.
    stamp : (int, int)
        Size and time of the file when it was first read.

    Examples
    --------
    >>> import h5py, tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.h5"
    >>> with h5py.File(path, "w") as file:
    ...     file["counts"] = np.full((2, 2, 2, 1), 0.5)
    >>> with h5py.File(path, "r") as file:
    ...     stored = StoredCounts.of(file["counts"], path, 4.0)
    >>> stored[0, 0, 0]
    array([2.], dtype=float32)
    """

    path: Path
    name: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    factor: float
    stamp: tuple[int, int]

    dtype = np.dtype("f4")  # holds counts of a pixel and scan exactly up to 16 million

    @classmethod
    def of(cls, dataset: Any, path: Path, factor: float) -> StoredCounts:
        """The counts of an open dataset."""
        chunks = dataset.chunks or (1, 1, *dataset.shape[2:])
        return cls(
            path=path,
            name=dataset.name,
            shape=dataset.shape,
            chunks=chunks,
            factor=factor,
            stamp=_stamp(path),
        )

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the whole array in memory."""
        return int(np.prod(self.shape, dtype=float)) * self.dtype.itemsize

    def __getitem__(self, key: Any) -> np.ndarray:
        """Counts of a part of the array.

        Raises
        ------
        ReadError
            If the file has changed or holds negative or missing values.
        """
        import h5py

        try:
            if _stamp(self.path) != self.stamp:
                raise ReadError(self.path, "has changed since it was opened", "read it again")
            with h5py.File(self.path, "r") as file:
                values = np.asarray(file[self.name][key], dtype=self.dtype)
        except OSError as error:
            raise ReadError(self.path, f"cannot be read any more ({error})") from error
        if not np.isfinite(values).all() or values.min(initial=0.0) < 0:
            raise ReadError(self.path, f"{self.name} holds negative or missing counts")
        return values * self.dtype.type(self.factor)


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def lazy(stored: StoredCounts) -> Any:
    """A dask array of the counts, in blocks of some 32 MiB that follow the chunks of the file.

    Parameters
    ----------
    stored : StoredCounts
        The counts.

    Returns
    -------
    dask.array.Array

    Examples
    --------
    >>> shape = (200, 256, 256, 20)
    >>> stored = StoredCounts(path=Path("a"), name="b", shape=shape, chunks=(1, 256, 256, 20),
    ...     factor=1.0, stamp=(0, 0))
    >>> lazy(stored).chunksize
    (6, 256, 256, 20)
    """
    import dask.array

    block = [min(c, n) for c, n in zip(stored.chunks, stored.shape, strict=True)]
    for axis in (3, 2, 1, 0):
        room = _BLOCK / (np.prod(block, dtype=float) * stored.dtype.itemsize)
        block[axis] = min(stored.shape[axis], block[axis] * max(1, int(room)))
    name = f"counts-{dask.base.tokenize(str(stored.path), stored.name, stored.stamp)}"
    return dask.array.from_array(stored, chunks=tuple(block), name=name, asarray=False)
