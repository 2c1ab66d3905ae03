"""What SpectroChemPy read or made, in the conventions of coatqc."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from coatcore.reading.quiet import quietly
from spectra.exchange.arranging import Series, arranged, coordinates_of, slug
from spectra.exchange.outgoing import MARK, SIMULATED, kept_of, unit_sent
from spectra.exchange.units import alike, udunits
from spectra.labels.labels import QUANTITIES

# Title of a dataset -> quantity, where it is not the quantity's own name.
_ALSO = {"single_beam": "single_channel"}
# Units that say which quantity it is.
_OF_UNIT = {
    "absorbance": ("absorbance",),
    "transmittance": ("transmittance", "reflectance"),
    "absolute_transmittance": ("transmittance", "reflectance"),
}
_RATIOS = ("absorbance", "transmittance", "reflectance")
_UNTITLED = "quantity without a title"


def from_spectrochempy(dataset: Any, *, series: Series = "replicate") -> xr.DataArray:
    """Spectra, loadings or scores of a SpectroChemPy dataset, in the conventions of coatqc.

    Parameters
    ----------
    dataset : spectrochempy.NDDataset
        With an axis of wavenumbers (or 1/length), or of components; beside it none, one, or two
        that are lengths.
    series : {"replicate", "position", "scan"}
        What several spectra are to each other, where the dataset does not say. Replicates scatter
        about one mean: a series over time or temperature should be a ``"scan"``.

    Returns
    -------
    xarray.DataArray
        Dims (wavenumber,), (`series`, wavenumber) or (y, x, wavenumber); component in the place
        of wavenumber, or for `series`, in scores and loadings. Coordinates of the spectra, their
        labels, and what else the dataset knows come along; masked points are NaN. A quantity
        that is none of infrared spectroscopy keeps its title, as name, and its unit, and has no
        ``kind``. Percent becomes a fraction. What could not come along is named in the history.

    Raises
    ------
    MeasurementError
        If no axis is of wavenumbers or components, title and unit contradict each other, or the
        values are no real numbers.

    Examples
    --------
    >>> from spectra import simulate_ftir
    >>> from spectra.exchange import to_spectrochempy
    >>> spectrum, _ = simulate_ftir(1)
    >>> back = from_spectrochempy(to_spectrochempy(spectrum))
    >>> back.name, back.sizes["wavenumber"], back.attrs["instrument"]
    ('absorbance', 1790, 'simulated ATR-FTIR')
    """
    if series not in get_args(Series):
        raise MeasurementError(
            f"series is {series!r}, expected one of {', '.join(get_args(Series))}"
        )
    if not hasattr(dataset, "coordset"):
        raise MeasurementError(f"expected a dataset, found {type(dataset).__name__}")
    if dataset.dtype.kind not in "iufb":
        raise MeasurementError(
            f"its values are {dataset.dtype}, expected real numbers; take the part that counts, "
            "such as dataset.real"
        )
    kept = kept_of(dataset)
    with quietly():
        axes = [coordinates_of(dataset, str(dim)) for dim in dataset.dims]
        values = np.array(dataset.data, dtype=float)
        if dataset.is_masked:
            values[np.broadcast_to(dataset.mask, values.shape)] = np.nan
        name, attrs, factor = _quantity(dataset, kept)
        out, left = arranged(values * factor if factor != 1 else values, axes, series, kept)
        lines = [_line(entry) for entry in dataset.history_entries]
    for each, known in kept.get("coords", {}).items():
        if "value" in known and each not in out.coords:
            value = np.asarray(known["value"]).astype(known["dtype"])
            out = out.assign_coords({each: ((), value, known["attrs"])})
    facts, not_plain = _facts(dataset, kept)
    attrs = {**facts, **attrs}
    if str(dataset.name).startswith(SIMULATED):
        attrs["simulated"] = "yes"
    if "kind" in attrs:
        attrs["kind"] = "ir_cube" if {"y", "x"} <= set(out.dims) else "ir_spectrum"
    if assumed := out.attrs.get("assumptions"):
        before = attrs.get("assumptions")
        attrs["assumptions"] = f"{before}; {assumed}" if before else assumed
    out = out.rename(name).assign_attrs(attrs)
    if history := "\n".join(lines):
        out.attrs["history"] = history
    said = {"left_behind": left + not_plain} if left + not_plain else {}
    return add_history(out, "from_spectrochempy", name=str(dataset.name), **said)


# -- what it is ---------------------------------------------------------------------------


def _quantity(dataset: Any, kept: Mapping[str, Any]) -> tuple[str | None, dict[str, Any], float]:
    """Name, attributes, and the factor that brings the values to the unit."""
    unit, factor = udunits(dataset.units)
    title = str(dataset.title or "").strip()
    attrs = {
        k: np.asarray(v) if isinstance(v, list) else v for k, v in kept.get("attrs", {}).items()
    }
    if kept and title == kept["title"]:
        sent = unit_sent(str(kept["name"]), str(attrs.get("units", "1")))
        if alike(sent, dataset.units):
            return kept["name"], attrs, 1.0
    # It is no longer what went there.
    smoothed = ("smoothing_weights", "kind", "long_name", "units")
    attrs = {k: v for k, v in attrs.items() if k not in smoothed}
    names = {} if dataset.units is None else dict(dataset.units._units)
    of_unit = [q for u in names for q in _OF_UNIT.get(u, ())]
    untitled = title in ("", "<untitled>")
    name = (of_unit[0] if of_unit else "untitled") if untitled else slug(title)
    name = _ALSO.get(name, name)
    contradicts = (of_unit and name not in of_unit) or (name == "absorbance" and factor != 1)
    if name in _RATIOS and (unit != "1" or contradicts):
        raise MeasurementError(
            f"it is titled {title!r}, but its unit is {dataset.units}; set dataset.title to what "
            "it holds, or dataset.units"
        )
    if name in QUANTITIES and name != "intensity":
        words = {"kind": "ir_spectrum", "long_name": QUANTITIES[name][1]}
    else:
        words = {"long_name": _UNTITLED if untitled else title}
    return name, {**attrs, **words, "units": unit}, factor


def _facts(dataset: Any, kept: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """What its meta, description and origin say, and the names of what is no plain fact."""
    facts: dict[str, Any] = {}
    left: list[str] = []
    for key, value in dict(dataset.meta.data).items():
        if key == MARK:
            continue
        if isinstance(value, str | int | float):
            facts[str(key)] = value
        elif isinstance(getattr(value, "magnitude", None), int | float):
            facts[str(key)] = f"{value.magnitude:g} {udunits(value.units)[0]}"
        elif value is not None:
            left.append(str(key))
    if text := str(dataset.description or "").strip():
        facts["description"] = text
    if dataset.origin and not kept:
        facts["origin"] = str(dataset.origin)
    ours = ("units", "long_name", "kind", "history", "smoothing_weights")
    return {k: v for k, v in facts.items() if k not in ours}, left


def _line(entry: Mapping[str, Any]) -> str:
    """A line of history: one of coatqc as it was, one of SpectroChemPy with its date."""
    message = " ".join(str(entry["message"]).split())
    if entry["operation"] == MARK:
        return message
    return f"SpectroChemPy, {entry['date']:%Y-%m-%d %H:%M}: {message}"
