"""Raman spectra of carbon in a coated powder: how disordered is it?"""

import numpy as np
import xarray as xr

from coatcore import Dim, Estimate, Kind, MeasurementError
from coatcore import quality as q
from coatcore.plotting import plot_lines
from coatcore.reading.registry import BY_CONTENT, NO, Reader


def read(path):
    shift, counts = np.loadtxt(path, delimiter=",", skiprows=1, unpack=True)
    axis = xr.Variable("raman_shift", shift, {"units": "cm-1", "long_name": "Raman shift"})
    attrs = {"units": "counts", "long_name": "intensity", "kind": "raman_spectrum"}
    return xr.DataArray(counts, {"raman_shift": axis}, name="intensity", attrs=attrs)


class Bands(q.Parameters):  # Ferrari and Robertson, Phys. Rev. B 2000, 61, 14095
    d: float = 1350.0
    g: float = 1590.0


def estimate(ratios):
    n, u = len(ratios), ratios.std(ddof=1) / len(ratios) ** 0.5
    return Estimate.from_standard_uncertainty(ratios.mean(), u, unit="1", dof=n - 1, n=n)


def disorder(inputs):
    if len(inputs.sample) < 3:
        raise MeasurementError(f"found {len(inputs.sample)} spectra, expected 3 or more places")
    ratios = np.divide(*([s.sel(raman_shift=slice(c - 9, c + 9)).mean() for s in inputs.sample]
                         for c in (inputs.parameters.d, inputs.parameters.g)))  # fmt: skip
    return q.Measurement(estimate=estimate(ratios), replicates=tuple(ratios))


def views(section):
    for name, files in section.files.items():
        spectra = xr.concat([f.data for f in files], "replicate", join="override")
        spectra["replicate"] = "replicate", [f.path for f in files]
        yield q.Figure(caption=f"Raman, {name}.", draw=lambda s=spectra: plot_lines(s, s.dims[1]))


class Places(q.Parameters):
    scatter: float = 0.05


def experiment(settings, size, effect, rng, alpha):
    return q.judged(estimate(rng.normal(1 + (effect or 0), settings.scatter, int(size))), 1.0)


DISORDER = q.Quantity(
    name="raman.disorder", title="ratio of the D and G bands", role="raman", unit="1",
    parameters=Bands, measure=disorder,
)  # fmt: skip
DESIGN = q.Design(
    quantity="raman.disorder", variable="places", size_unit="1", sizes=(3, 5, 8, 12, 20, 30),
    effect="change of the ratio", seen="the 95 % interval leaves the old ratio out",
    assumes="places scatter normally", settings=Places, source=q.Fresh(experiment),
    levels=lambda settings, effect: (1.0, 1.0 + effect),
)  # fmt: skip
READER = Reader(
    "raman_text", ("raman_spectrum",), read=read,
    recognises=lambda start: BY_CONTENT if "Raman shift / cm-1" in (start.text or "") else NO,
)  # fmt: skip
TECHNIQUE = q.Technique(
    name="raman",
    dims=(Dim(name="raman_shift", units="cm-1", axis=True),),
    kinds=(Kind(name="raman_spectrum", dims=("raman_shift",)),),
    roles=(q.Role(name="raman", title="Raman", kinds=("raman_spectrum",)),), views=views,
    quantities=lambda: (DISORDER,), designs=lambda: (DESIGN,),
)  # fmt: skip
