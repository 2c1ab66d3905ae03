"""Write a mass spectrum as IONTOF's text export."""

from __future__ import annotations

from pathlib import Path

import xarray as xr

from coatcore.provenance import SIMULATED_MARK
from tofsims.labels.labels import require_spectrum


def write_iontof_text(spectrum: xr.DataArray, path: str | Path) -> None:
    """Write Channel, m/z and Intensity; channels without counts are left out, and said to be.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim mz, with coordinate channel, evenly spaced; counts are written as integers.
    path : path-like
        File to write.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from coatcore import read
    >>> from tofsims import simulate_spectra
    >>> (spectrum,), _ = simulate_spectra(1, n=1)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.txt"
    >>> write_iontof_text(spectrum, path)
    >>> bool(read(path).sum() == spectrum.sum())
    True
    """
    require_spectrum(spectrum)
    facts = spectrum.attrs
    lines = [f"# Binning: {facts.get('binning_channels', 1)} channels"]
    # Counts that nothing was lost from are as good as corrected ones.
    corrected = "off" if facts.get("dead_time_corrected") == "no" else "on"
    lines.append(f"# Deadtime Correction: {corrected}")
    if "polarity" in facts:
        lines.append(f"# Polarity: {facts['polarity']}")
    lines.append("# Channels without counts are left out")
    if spectrum.attrs.get("simulated") == "yes":
        lines.append(f"# {SIMULATED_MARK}")
    lines.append("Channel\tm/z\tIntensity")
    keep = spectrum.values > 0
    # The ends fix the grid for whoever fills it again.
    keep[[0, 1, -1]] = True
    columns = (spectrum["channel"].values, spectrum["mz"].values, spectrum.values)
    for channel, mz, counts in zip(*(c[keep] for c in columns), strict=True):
        lines.append(f"{channel:.0f}\t{mz:.6f}\t{counts:.0f}")
    Path(path).write_bytes(("\n".join(lines) + "\n").encode())
