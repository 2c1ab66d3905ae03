"""To SpectroChemPy and back: its chemometrics on coatqc's spectra, its readers' files here."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from coatcore.reading.quiet import quietly
from spectra.labels.labels import QUANTITIES, labelled_spectrum


def to_spectrochempy(da: xr.DataArray) -> Any:
    """Spectra as a SpectroChemPy dataset, for its PCA, MCR-ALS and other analyses.

    Parameters
    ----------
    da : xarray.DataArray
        Dims (wavenumber,) or (one other, wavenumber).

    Returns
    -------
    spectrochempy.NDDataset
        Shape (spectra, wavenumbers), wavenumbers in cm-1; its origin names the file.

    Raises
    ------
    MeasurementError
        If there are more than two dims.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> to_spectrochempy(simulate_ftir(1)[0]).shape
    (1, 1790)
    """
    if "wavenumber" not in da.dims or da.ndim > 2:
        raise MeasurementError(
            f"expected wavenumber and one other dim at most, found {da.dims}; stack y and x first"
        )
    rows = np.atleast_2d(da.transpose(..., "wavenumber").values)
    with quietly():
        import spectrochempy as scp

        x = scp.Coord(da["wavenumber"].values, title="wavenumber", units="cm^-1")
        y = scp.Coord(np.arange(rows.shape[0]), title="spectrum")
        out = scp.NDDataset(rows, coordset=[y, x], title=str(da.name or "intensity"))
        if da.name in ("absorbance", "transmittance"):
            out.units = "absorbance" if da.name == "absorbance" else "1"
        out.origin = str(da.attrs.get("source", ""))
    return out


def from_spectrochempy(dataset: Any) -> xr.DataArray:
    """Infrared spectra of a SpectroChemPy dataset, in the conventions of coatqc.

    Parameters
    ----------
    dataset : spectrochempy.NDDataset
        Last axis in cm-1.

    Returns
    -------
    xarray.DataArray
        Dims (wavenumber,) or (replicate, wavenumber). A title that names no quantity of
        infrared spectroscopy becomes ``intensity``; percent becomes a fraction.

    Raises
    ------
    MeasurementError
        If its last axis is no wavenumber, or it has more than two dims.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> back = from_spectrochempy(to_spectrochempy(spectrum))
    >>> back.name, back.sizes["wavenumber"]
    ('absorbance', 1790)
    """
    axis = dataset.coord(dataset.dims[-1])
    unit = str(getattr(axis, "units", ""))
    if unit not in ("cm⁻¹", "1 / centimeter", "cm^-1", "1/cm"):
        raise MeasurementError(f"its last axis is {axis.title} in {unit}, expected wavenumbers")
    values: np.ndarray = np.ma.filled(np.ma.asarray(dataset.masked_data, dtype=float), np.nan)
    if values.ndim > 2:
        raise MeasurementError(f"it has {values.ndim} dims, expected two at most")
    title = str(dataset.title).lower()
    quantity = next((q for q in QUANTITIES if q.replace("_", " ") in title), "intensity")
    if str(dataset.units) in ("%", "percent"):
        values = values / 100
    values = values[0] if values.ndim == 2 and values.shape[0] == 1 else values
    out = labelled_spectrum(np.asarray(axis.data, dtype=float), values, quantity)
    return add_history(out, "from_spectrochempy", name=str(dataset.name))
