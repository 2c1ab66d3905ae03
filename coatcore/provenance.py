"""Where a number came from: hashes of inputs, versions, and one history line a step."""

from __future__ import annotations

import functools
import hashlib
import platform
from importlib import metadata
from pathlib import Path
from typing import TypeVar

import xarray as xr

from coatcore import __version__

X = TypeVar("X", xr.DataArray, xr.Dataset)

# Writers put this sentence into a comment of the file; readers that find it there set
# attrs["simulated"] = "yes", so that every figure and report made from the file says so.
SIMULATED_MARK = "simulated by coatqc, not measured"

_REPORTED = (
    "numpy",
    "scipy",
    "pandas",
    "xarray",
    "scikit-image",
    "spectrochempy",
    "pybaselines",
    "brukeropus",
    "molmass",
    "pyimzML",
    "dask",
    "tifffile",
    "matplotlib",
)


def sha256_of(path: Path | str) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits.

    Parameters
    ----------
    path : path-like
        The file; of a folder, the names and hashes of its files are hashed.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> f = pathlib.Path(tempfile.mkdtemp()) / "a.txt"
    >>> _ = f.write_bytes(b"")
    >>> sha256_of(f)[:8]
    'e3b0c442'
    """
    if (folder := Path(path)).is_dir():
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        lines = (f"{p.relative_to(folder).as_posix()} {sha256_of(p)}\n" for p in files)
        return hashlib.sha256("".join(lines).encode("utf-8", "surrogateescape")).hexdigest()
    with Path(path).open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def versions() -> dict[str, str]:
    """Versions of coatqc, Python and the libraries that results depend on.

    Examples
    --------
    >>> "numpy" in versions()
    True
    """
    python = platform.python_version()
    return {"coatqc": __version__, "python": python, **_of_libraries()}


@functools.cache
def _of_libraries() -> dict[str, str]:
    found = {}
    for name in _REPORTED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def _plain(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_plain(v) for v in value) + "]"
    return str(value)


def add_history(obj: X, step: str, **parameters: object) -> X:
    """Return `obj` with one more line in its history.

    The history is one string with a line a step, so that it survives NetCDF unchanged.

    Parameters
    ----------
    obj : xarray.DataArray or xarray.Dataset
        Shallow-copied; the caller's object keeps its history.
    step : str
        Name of the function that was applied.
    **parameters
        Its parameters as they were used.

    Examples
    --------
    >>> import xarray as xr
    >>> add_history(xr.DataArray([1.0]), "smooth", window=10).attrs["history"]
    'smooth(window=10)'
    """
    line = f"{step}({', '.join(f'{k}={_plain(v)}' for k, v in parameters.items())})"
    old = obj.attrs.get("history", "")
    out = obj.copy(deep=False)
    out.attrs = {**obj.attrs, "history": f"{old}\n{line}" if old else line}
    return out
