"""Quantities of TEM images of a particle's edge."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd

from coatcore.coverage import coverage_factor
from coatcore.estimate import Estimate
from coatcore.quality.parameters import Parameters
from coatcore.quality.quantity import Inputs, Measurement, Quantity
from imaging.coating.thickness import CoatingThickness, coating_thickness

_METHOD = "mean over images, Student's t"


def _measure(inputs: Inputs, *, of: Callable[[CoatingThickness], Estimate]) -> Measurement:
    found = [inputs.memory.once(coating_thickness, image) for image in inputs.sample]
    names = [str(each.image.attrs.get("source", "")) for each in found]
    table = pd.DataFrame(
        {
            "image": names,
            "median / nm": [each.median.value for each in found],
            "lower (95 %) / nm": [each.median.lower for each in found],
            "upper (95 %) / nm": [each.median.upper for each in found],
            "covered": [each.covered.value for each in found],
            "examined / nm": [each.length for each in found],
            "detection limit / nm": [each.detection_limit for each in found],
        }
    )
    notes = [f"{name}: {each.sentence}" for name, each in zip(names, found, strict=True)]
    notes.append("the error of the magnification is not in the interval")
    return Measurement(
        estimate=mean_over_images([of(each) for each in found]),
        result=found,
        table=table,
        notes=tuple(notes),
        replicates=tuple(of(each).value for each in found),
    )


def mean_over_images(estimates: list[Estimate]) -> Estimate:
    """Mean of what each image gives, neither below 0 nor, for a share, above 1.

    The interval holds how images scatter, and is no narrower than their own uncertainties make
    it. One image stands for itself.

    Examples
    --------
    >>> two = [Estimate.from_standard_uncertainty(v, 0.01, unit="nm") for v in (1.9, 2.1)]
    >>> found = mean_over_images(two)
    >>> round(found.value, 2), round(found.standard_uncertainty, 2), found.n
    (2.0, 0.1, 2)
    """
    if len(estimates) == 1:
        return estimates[0]
    values = np.array([e.value for e in estimates])
    n = values.size
    own = np.mean([e.standard_uncertainty**2 for e in estimates])
    u = float(np.sqrt(max(values.var(ddof=1), own) / n))
    reach = coverage_factor(n - 1) * u
    unit = estimates[0].unit
    top = 1.0 if unit == "1" else np.inf
    mean = float(values.mean())
    return Estimate.from_interval(
        mean,
        max(0.0, mean - reach),
        min(top, mean + reach),
        standard_uncertainty=u,
        unit=unit,
        n=n,
        method=_METHOD,
    )


QUANTITIES = (
    Quantity(
        name="tem.coating_thickness",
        title="median thickness of the coating",
        role="tem",
        unit="nm",
        parameters=Parameters,
        measure=partial(_measure, of=lambda found: found.median),
    ),
    Quantity(
        name="tem.covered",
        title="share of the particle's edge that is covered",
        role="tem",
        unit="1",
        parameters=Parameters,
        measure=partial(_measure, of=lambda found: found.covered),
    ),
)
