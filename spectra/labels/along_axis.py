"""Apply one numerical function along wavenumber: to a spectrum, a set, a cube, or a lazy cube."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError

# Values that are worked on at once: bounds the temporaries without many short calls, over which
# threads would wait for each other.
_BLOCK_VALUES = 1_048_576
# Below this many values threads cost more than they give.
_WORTH_THREADS = 1_000_000
_MAX_THREADS = 4

Rows = Callable[[np.ndarray, np.ndarray], None]


def require_spectrum(da: xr.DataArray) -> np.ndarray:
    """Wavenumbers of `da`, checked.

    Parameters
    ----------
    da : xarray.DataArray
        With dim and coordinate wavenumber.

    Returns
    -------
    numpy.ndarray
        In cm-1, in the order of the data.

    Raises
    ------
    MeasurementError
        If there is no such dim, no coordinate, fewer than two points, or the wavenumbers are not
        finite and strictly monotonic.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> float(require_spectrum(simulate_ftir(1)[0])[0])
    4000.0
    """
    if "wavenumber" not in da.dims:
        raise MeasurementError(f"a spectrum has dim wavenumber, found {da.dims}")
    if "wavenumber" not in da.coords:
        raise MeasurementError("dim wavenumber has no coordinate; assign the wavenumbers in cm-1")
    x = np.asarray(da["wavenumber"].values, dtype=float)
    if x.size < 2:
        raise MeasurementError(f"a spectrum needs at least 2 points, found {x.size}")
    step = np.diff(x)
    if not (np.all(step > 0) or np.all(step < 0)):
        raise MeasurementError(
            "wavenumbers are not finite and strictly rising or falling; sort them and drop repeats"
        )
    return x


def require_even_steps(x: np.ndarray) -> float:
    """Step of evenly spaced wavenumbers, cm-1, without its sign.

    Parameters
    ----------
    x : numpy.ndarray
        Strictly monotonic.

    Raises
    ------
    MeasurementError
        If the steps differ by more than 2 %.

    Examples
    --------
    >>> require_even_steps(np.array([4.0, 2.0, 0.0]))
    2.0
    """
    step = np.abs(np.diff(x))
    if not np.allclose(step, step.mean(), rtol=0.02):
        raise MeasurementError(
            "wavenumbers are not evenly spaced (steps from "
            f"{step.min():g} to {step.max():g} cm-1); `resample` them, or `cut` beside a gap"
        )
    return float(step.mean())


def floating(da: xr.DataArray) -> xr.DataArray:
    """`da` in single or double precision; integers become double.

    Parameters
    ----------
    da : xarray.DataArray

    Examples
    --------
    >>> str(floating(xr.DataArray([1, 2])).dtype)
    'float64'
    """
    wanted = np.result_type(da.dtype, np.float32)
    return da if da.dtype == wanted else da.astype(wanted)


def along_wavenumber(
    function: Callable[..., np.ndarray],
    da: xr.DataArray,
    *others: xr.DataArray,
    size: int | None = None,
    new_dim: str = "wavenumber",
) -> xr.DataArray:
    """Apply `function` to arrays whose last axis is wavenumber; dims and attributes are kept.

    Parameters
    ----------
    function : callable
        Takes an array of shape (..., n), returns one of shape (..., m) and the same type.
    da : xarray.DataArray
        Floating; dask arrays stay lazy and become one chunk along wavenumber.
    *others : xarray.DataArray
        Further arrays without dim wavenumber, such as one number a spectrum.
    size : int, optional
        m, where it differs from n.
    new_dim : str, default "wavenumber"
        Name of the last axis of the result, where `size` is given.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> along_wavenumber(np.negative, simulate_ftir(1)[0]).attrs["units"]
    '1'
    """
    if da.chunks is not None:
        da = da.chunk(wavenumber=-1)
    out = xr.apply_ufunc(
        function,
        da,
        *others,
        input_core_dims=[["wavenumber"], *([] for _ in others)],
        output_core_dims=[[new_dim]],
        exclude_dims=set() if size is None else {"wavenumber"},
        dask="parallelized",
        output_dtypes=[da.dtype],
        dask_gufunc_kwargs={} if size is None else {"output_sizes": {new_dim: size}},
    )
    dims = [new_dim if d == "wavenumber" else d for d in da.dims]
    out = out.transpose(*dims).assign_attrs(da.attrs)
    out.name = da.name
    return out


def in_blocks(rows: Rows, y: np.ndarray) -> np.ndarray:
    """Result of `rows`, which fills blocks of spectra, over all spectra of `y`.

    Large arrays are shared out to a few threads; NumPy releases the interpreter while it computes.

    Parameters
    ----------
    rows : callable
        Takes a block of shape (k, n) and one of the same shape and type to write into.
    y : numpy.ndarray, shape (..., n)

    Examples
    --------
    >>> in_blocks(lambda block, out: np.multiply(block, 2, out=out), np.ones((2, 3))).sum()
    np.float64(12.0)
    """
    out = np.empty(y.shape, dtype=y.dtype)
    flat, target = y.reshape(-1, y.shape[-1]), out.reshape(-1, y.shape[-1])
    n = flat.shape[0]
    block = max(1, _BLOCK_VALUES // max(1, y.shape[-1]))

    def work(start: int, stop: int) -> None:
        for first in range(start, stop, block):
            part = slice(first, min(first + block, stop))
            rows(flat[part], target[part])

    threads = min(_MAX_THREADS, os.cpu_count() or 1) if y.size > _WORTH_THREADS else 1
    if threads == 1:
        work(0, n)
        return out
    edges = np.linspace(0, n, threads + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, edges[:-1], edges[1:]))
    return out


def lost_pixels(da: xr.DataArray, out: xr.DataArray, what: str) -> int:
    """Number of pixels of a map that have data, but no result; an error unless in a map.

    One dead pixel should not cost a map of 65,000; a lone spectrum or a replicate was meant to
    count.

    Parameters
    ----------
    da, out : xarray.DataArray
        Before and after; a spectrum without result is NaN throughout. Dask arrays are not looked
        at: 0.
    what : str
        What could not be done and which number stood in the way, for the message.

    Raises
    ------
    MeasurementError
        If `da` is no map (dims y and x), or no pixel of it has a result.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> da = xr.DataArray(np.ones((1, 2, 3)), dims=("y", "x", "wavenumber"))
    >>> lost_pixels(da, da.where(da["x"] > 0), "normalise: the measure")
    1
    """
    if da.chunks is not None or bool(np.isfinite(out.isel(wavenumber=-1)).all()):
        return 0
    bad = out.isnull().all("wavenumber")
    if {"y", "x"} <= set(da.dims) and not bool(bad.all()):
        return int((bad & ~da.isnull().all("wavenumber")).sum())
    if bool(bad.any()):
        which = f"{int(bad.sum())} of {bad.size} spectra" if bad.size > 1 else "the spectrum"
        raise MeasurementError(
            f"{which}: cannot {what} is zero, negative or not a number; look at the data there, "
            "or choose another method"
        )
    return 0
