"""What varies together? Components of spectra and images, on a scale that suits counts."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history

_AXES = ("fragment", "mz")


def principal_components(
    counts: xr.DataArray, n: int = 2, *, scaling: Literal["poisson", "none"] = "poisson"
) -> xr.Dataset:
    """Principal components of counts over fragments or m/z.

    Parameters
    ----------
    counts : xarray.DataArray
        Dim fragment or mz, and any others (replicate, y, x, scan), which are the observations.
    n : int, default 2
        Components.
    scaling : {"poisson", "none"}
        ``poisson`` divides by the roots of the mean of each row and column, so that noise is alike
        everywhere and strong ions do not hide weak ones.

    Returns
    -------
    xarray.Dataset
        ``scores`` (component and the observations' dims), ``loadings`` (component, fragment or
        mz), ``explained`` (component), the share of the scaled variance. The largest loading of
        each component is positive.

    Raises
    ------
    MeasurementError
        If values are missing or negative, or there are fewer observations or fragments than `n`.

    References
    ----------
    Keenan & Kotula, Surf. Interface Anal. 2004, 36, 203.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> made = xr.DataArray(rng.poisson(50, (8, 3)), {"fragment": ["a", "b", "c"]},
    ...     ("replicate", "fragment"))
    >>> dict(principal_components(made)["scores"].sizes)
    {'component': 2, 'replicate': 8}
    """
    flat, axis = _matrix(counts, n)
    x = flat.values.astype(float)
    if scaling not in ("poisson", "none"):
        raise MeasurementError(f"scaling is {scaling!r}, expected 'poisson' or 'none'")
    rows = cols = np.array(1.0)
    if scaling == "poisson":
        floor = 1e-9 * max(float(x.mean()), 1e-300)
        rows = np.sqrt(np.maximum(x.mean(axis=1, keepdims=True), floor))
        cols = np.sqrt(np.maximum(x.mean(axis=0, keepdims=True), floor))
        x = x / rows / cols
    x = x - x.mean(axis=0)
    u, s, vt = np.linalg.svd(x, full_matrices=False)
    sign = np.sign(vt[np.arange(len(vt)), np.abs(vt).argmax(axis=1)])
    scores, loadings = (u * s * sign)[:, :n], (vt * sign[:, None])[:n]
    explained = (s**2 / max(float((s**2).sum()), 1e-300))[:n]
    out = _labelled(flat, axis, scores, loadings, counts)
    out["explained"] = (
        "component",
        explained,
        {"units": "1", "long_name": "share of the scaled variance"},
    )
    return add_history(out, "principal_components", n=n, scaling=scaling)


def nonnegative_factors(counts: xr.DataArray, n: int = 2) -> xr.Dataset:
    """Counts as a sum of a few spectra with non-negative amounts (NMF).

    The Kullback-Leibler divergence that is minimised is the Poisson likelihood: counts need no
    scaling.

    Parameters
    ----------
    counts : xarray.DataArray
        As for `principal_components`.
    n : int, default 2
        Factors.

    Returns
    -------
    xarray.Dataset
        ``scores`` in counts (component and the observations' dims), ``loadings`` (component,
        fragment or mz), which sum to 1 for each component; by falling total.

    Raises
    ------
    MeasurementError
        If values are missing or negative, or there are fewer observations or fragments than `n`.

    References
    ----------
    Lee & Seung, Nature 1999, 401, 788; scikit-learn, `sklearn.decomposition.NMF`.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> made = xr.DataArray(rng.poisson(50, (8, 3)), {"fragment": ["a", "b", "c"]},
    ...     ("replicate", "fragment"))
    >>> nonnegative_factors(made)["loadings"].sum("fragment").values.round(6)
    array([1., 1.])
    """
    from sklearn.decomposition import NMF

    flat, axis = _matrix(counts, n)
    model = NMF(
        n,
        init="nndsvda",
        solver="mu",
        beta_loss="kullback-leibler",
        max_iter=2000,
        tol=1e-5,
        random_state=0,
    )
    scores = model.fit_transform(flat.values.astype(float))
    loadings = model.components_
    total = np.maximum(loadings.sum(axis=1), 1e-300)
    scores, loadings = scores * total, loadings / total[:, None]
    order = np.argsort(-scores.sum(axis=0))
    out = _labelled(flat, axis, scores[:, order], loadings[order], counts)
    return add_history(out, "nonnegative_factors", n=n)


def _matrix(counts: xr.DataArray, n: int) -> tuple[xr.DataArray, str]:
    """Observations by fragments."""
    if not isinstance(counts, xr.DataArray):
        raise MeasurementError(f"expected an xarray.DataArray, found {type(counts).__name__}")
    axis = next((a for a in _AXES if a in counts.dims), None)
    if axis is None or counts.ndim < 2:
        raise MeasurementError(
            f"expected dim fragment or mz and at least one other, found {counts.dims}"
        )
    others = [d for d in counts.dims if d != axis]
    flat = counts.reset_coords(drop=True).stack(observation=others).transpose("observation", axis)
    values = flat.values
    if not np.isfinite(values).all() or values.min() < 0 or values.sum() <= 0:
        raise MeasurementError("components are of counts: values are missing, negative or all zero")
    if not 1 <= n <= min(flat.shape):
        raise MeasurementError(
            f"{n} components were asked of {flat.shape[0]} observations of {flat.shape[1]} values"
        )
    return flat, axis


def _labelled(
    flat: xr.DataArray, axis: str, scores: np.ndarray, loadings: np.ndarray, counts: xr.DataArray
) -> xr.Dataset:
    number = ("component", np.arange(scores.shape[1]), {"units": "1", "long_name": "component"})
    about = {"units": "1", "long_name": "score"}
    long = xr.DataArray(
        scores,
        {"observation": flat["observation"]},
        ("observation", "component"),
        attrs=about,
    )
    coords = {axis: counts[axis]} if axis in counts.coords else {}
    out = xr.Dataset(
        {
            "scores": long.unstack("observation").transpose("component", ...),
            "loadings": xr.DataArray(
                loadings,
                coords,
                ("component", axis),
                attrs={"units": "1", "long_name": "loading"},
            ),
        },
        attrs={k: counts.attrs[k] for k in ("simulated", "source") if k in counts.attrs},
    )
    return out.assign_coords(component=number)
