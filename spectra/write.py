"""Write a spectrum in formats that spectrometers write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import SIMULATED_MARK

_YUNITS = {
    "absorbance": "ABSORBANCE",
    "transmittance": "TRANSMITTANCE",
    "reflectance": "REFLECTANCE",
    "single_channel": "SINGLE BEAM",
    "intensity": "ARBITRARY UNITS",
}


def _one_spectrum(spectrum: xr.DataArray) -> tuple[np.ndarray, np.ndarray]:
    if spectrum.dims != ("wavenumber",):
        raise MeasurementError(f"one spectrum is written a file, found dims {spectrum.dims}")
    return spectrum["wavenumber"].values, spectrum.values


def write_jcamp(spectrum: xr.DataArray, path: str | Path, *, title: str = "") -> None:
    """Write JCAMP-DX 4.24, ordinates as plain integers, (X++(Y..Y)).

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim wavenumber, evenly spaced.
    path : path-like
        File to write.
    title : str, optional
        TITLE record; by default the spectrum's own.

    Raises
    ------
    MeasurementError
        If the wavenumbers are not evenly spaced, which this form cannot hold.

    References
    ----------
    McDonald & Wilks, Appl. Spectrosc. 1988, 42, 151.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from coatcore import read
    >>> from spectra import simulate_ftir
    >>> spectrum, _ = simulate_ftir(1)
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.jdx"
    >>> write_jcamp(spectrum, path)
    >>> bool(abs(read(path) - spectrum).max() < 1e-6)
    True
    """
    x, y = _one_spectrum(spectrum)
    step = (x[-1] - x[0]) / (x.size - 1)
    if not np.allclose(np.diff(x), step, rtol=1e-4):
        raise MeasurementError("JCAMP-DX (X++(Y..Y)) holds evenly spaced wavenumbers only")
    factor = max(float(np.abs(y).max()), 1e-12) / 2e8
    ordinate = np.rint(y / factor).astype(int)
    title = title or str(spectrum.attrs.get("title", "spectrum"))
    comment = ""
    if spectrum.attrs.get("simulated") == "yes":
        comment = f"$$ {SIMULATED_MARK}\n"
    lines = [
        f"##TITLE={title}",
        "##JCAMP-DX=4.24",
        "##DATA TYPE=INFRARED SPECTRUM",
        "##ORIGIN=coatqc",
        "##OWNER=public domain",
        "##XUNITS=1/CM",
        f"##YUNITS={_YUNITS[str(spectrum.name)]}",
        "##XFACTOR=1.0",
        f"##YFACTOR={factor:.12e}",
        f"##FIRSTX={x[0]:.6f}",
        f"##LASTX={x[-1]:.6f}",
        f"##FIRSTY={y[0]:.9g}",
        f"##NPOINTS={x.size}",
        f"##DELTAX={step:.9f}",
        "##XYDATA=(X++(Y..Y))",
    ]
    per_line = 6
    for i in range(0, x.size, per_line):
        values = " ".join(f"{v:d}" for v in ordinate[i : i + per_line])
        lines.append(f"{x[i]:.6f} {values}")
    lines.append("##END=")
    text = lines[0] + "\n" + comment + "\n".join(lines[1:]) + "\n"
    Path(path).write_bytes(text.encode())


def write_dpt(spectrum: xr.DataArray, path: str | Path) -> None:
    """Write two columns, wavenumber and ordinate, as OPUS's data point table.

    Parameters
    ----------
    spectrum : xarray.DataArray
        Dim wavenumber.
    path : path-like
        File to write.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from coatcore import read
    >>> from spectra import simulate_nanoir
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.dpt"
    >>> write_dpt(simulate_nanoir(1)[0], path)
    >>> read(path).attrs["simulated"]
    'yes'
    """
    x, y = _one_spectrum(spectrum)
    simulated = spectrum.attrs.get("simulated") == "yes"
    head = [f"# {SIMULATED_MARK}"] if simulated else []
    head.append(f"# wavenumber / cm-1, {spectrum.name}")
    rows = [f"{a:.5f}\t{b:.6f}" for a, b in zip(x, y, strict=True)]
    Path(path).write_bytes(("\n".join(head + rows) + "\n").encode())
