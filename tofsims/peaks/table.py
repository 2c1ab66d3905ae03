"""How a table of peak areas is labelled, whichever way the areas were found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from tofsims.ions.ions import ion

# Counts below this m/z are no ions of the sample.
MIN_MASS = 0.5

LABELS = {
    "area": ("counts", "peak area"),
    "standard_uncertainty": ("counts", "standard uncertainty of the peak area"),
    "height": ("counts", "counts in the highest bin, above the background"),
    "area_lower": ("counts", "peak area, lower end of the 95 % interval"),
    "area_upper": ("counts", "peak area, upper end of the 95 % interval"),
    "background": ("counts", "background counts below the peak"),
    "detection_limit": ("counts", "smallest peak area seen with 95 % probability"),
    "flag": ("1", "what is wrong with the peak"),
    "lower_border": ("u", "lower border of integration"),
    "upper_border": ("u", "upper border of integration"),
    "peak_mz": ("u", "m/z at which the peak stands"),
    "resolving_power": ("1", "resolving power m/dm, full width at half maximum"),
}


def peak_table(
    spectra: Sequence[xr.DataArray], names: Sequence[str], columns: Mapping[str, np.ndarray]
) -> xr.Dataset:
    """Peak areas and what belongs to them, labelled.

    Parameters
    ----------
    spectra : sequence of xarray.DataArray
        A replicate each.
    names : sequence of str
        Ions.
    columns : mapping of str to numpy.ndarray, shape (replicates, ions)
        Values by the names of `LABELS`.

    Examples
    --------
    >>> from tofsims import simulate_spectra
    >>> spectra, _ = simulate_spectra(1, n=2)
    >>> table = peak_table(spectra, ["PO2-"], {"area": np.ones((2, 1))})
    >>> table["area"].attrs["units"]
    'counts'
    """
    total = [float(s.values[s["mz"].values > MIN_MASS].sum()) for s in spectra]
    variables = {
        name: (
            ("replicate", "fragment"),
            values,
            {"units": LABELS[name][0], "long_name": LABELS[name][1]},
        )
        for name, values in columns.items()
    }
    out = xr.Dataset(
        {
            **variables,
            "total": ("replicate", total, {"units": "counts", "long_name": "total counts"}),
        },
        coords={
            "replicate": (
                "replicate",
                np.arange(len(spectra)),
                {"units": "1", "long_name": "replicate"},
            ),
            "fragment": ("fragment", list(names), {"units": "1", "long_name": "fragment"}),
            "exact_mass": (
                "fragment",
                [ion(n).mz for n in names],
                {"units": "u", "long_name": "exact m/z"},
            ),
        },
    )
    if any(s.attrs.get("simulated") == "yes" for s in spectra):
        out.attrs["simulated"] = "yes"
    return out
