"""Peak areas relative to the total or to chosen ions."""

from __future__ import annotations

from collections.abc import Sequence

import xarray as xr

from coatqc.core.errors import MeasurementError
from coatqc.core.provenance import add_history


def normalize(areas: xr.Dataset, by: str | Sequence[str] = "total") -> xr.Dataset:
    """Divide peak areas by the total counts, or by the area of one or the sum of some ions.

    Parameters
    ----------
    areas : xarray.Dataset
        From `peak_areas`.
    by : str or sequence of str
        ``"total"``, as in the paper, an ion, or several ions; they must be among the fragments.

    Returns
    -------
    xarray.Dataset
        ``normalized`` and ``standard_uncertainty`` (replicate, fragment), unit 1.

    Raises
    ------
    MeasurementError
        If `by` names an ion that was not integrated, or its counts do not exceed zero.

    Examples
    --------
    >>> from tofsims import calibrate, peak_areas, simulate_spectra
    >>> spectra, truth = simulate_spectra(1, n=2)
    >>> values = normalize(peak_areas([calibrate(s) for s in spectra], ["PO2-", "PO3-"]))
    >>> values["normalized"].attrs["units"]
    '1'
    """
    named = [by] if isinstance(by, str) else list(by)
    if named == ["total"]:
        divisor = areas["total"]
    else:
        missing = [n for n in named if n not in areas["fragment"].values]
        if missing or not named:
            raise MeasurementError(
                f"cannot normalise by {', '.join(missing) or 'nothing'}: the fragments are "
                f"{', '.join(areas['fragment'].values)}"
            )
        divisor = areas["area"].sel(fragment=named).sum("fragment")
    if not bool((divisor > 0).all()):
        raise MeasurementError(f"cannot normalise by {', '.join(named)}: it has no counts")
    value = areas["area"] / divisor
    spread = ((areas["standard_uncertainty"] / divisor) ** 2 + value**2 / divisor) ** 0.5
    order = ("replicate", "fragment")
    out = xr.Dataset(
        {
            "normalized": value.transpose(*order),
            "standard_uncertainty": spread.transpose(*order),
        },
        attrs={**areas.attrs, "normalized_by": ", ".join(named)},
    )
    words = "total counts" if named == ["total"] else " + ".join(named)
    out["normalized"].attrs = {"units": "1", "long_name": f"intensity / {words}"}
    out["standard_uncertainty"].attrs = {"units": "1", "long_name": "standard uncertainty"}
    for name in out.data_vars:
        if "simulated" in areas.attrs:
            out[name].attrs["simulated"] = areas.attrs["simulated"]
    return add_history(out, "normalize", by=named)
