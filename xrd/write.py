"""Write a pattern as XRDML."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.provenance import SIMULATED_MARK
from xrd.labels.labels import CU_KALPHA1, CU_KALPHA2, require_pattern

_PAGE = """<?xml version="1.0" encoding="UTF-8"?>
<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/2.1" status="Completed">
 <comment><entry>{comment}</entry></comment>
 <sample type="To be analyzed"><id>{sample}</id></sample>
 <xrdMeasurement measurementType="Scan" status="Completed">
  <usedWavelength intended="K-Alpha 1">
   <kAlpha1 unit="Angstrom">{k1:.7f}</kAlpha1>
   <kAlpha2 unit="Angstrom">{k2:.7f}</kAlpha2>
   <ratioKAlpha2KAlpha1>0.5000</ratioKAlpha2KAlpha1>
  </usedWavelength>
  <incidentBeamPath><xRayTube><anodeMaterial>Cu</anodeMaterial></xRayTube></incidentBeamPath>
  <scan appendNumber="0" mode="Continuous" scanAxis="Gonio" status="Completed">
   <dataPoints>
    <positions axis="2Theta" unit="deg">
     <startPosition>{start:.6f}</startPosition>
     <endPosition>{end:.6f}</endPosition>
    </positions>
    <commonCountingTime unit="seconds">{time:.3f}</commonCountingTime>
    <counts unit="counts">{counts}</counts>
   </dataPoints>
  </scan>
 </xrdMeasurement>
</xrdMeasurements>
"""


def write_xrdml(pattern: xr.DataArray, path: str | Path, *, sample: str = "") -> None:
    """Write XRDML, schema 2.1, with evenly spaced 2theta and whole counts.

    Parameters
    ----------
    pattern : xarray.DataArray
        Dim two_theta, counts.
    path : path-like
        File to write.
    sample : str, optional
        Sample's name.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from coatcore import read
    >>> from xrd import simulate_pattern
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.xrdml"
    >>> pattern, _ = simulate_pattern(1)
    >>> write_xrdml(pattern, path)
    >>> bool((read(path).values == pattern.values).all())
    True
    """
    from xml.sax.saxutils import escape

    pattern = require_pattern(pattern)
    x = pattern["two_theta"].values
    text = _PAGE.format(
        comment=SIMULATED_MARK if pattern.attrs.get("simulated") == "yes" else "",
        sample=escape(sample),
        k1=CU_KALPHA1,
        k2=CU_KALPHA2,
        start=x[0],
        end=x[-1],
        time=float(pattern.attrs.get("counting_time_s", 1.0)),
        counts=" ".join(f"{v:.0f}" for v in np.rint(pattern.values)),
    )
    Path(path).write_bytes(text.encode())
