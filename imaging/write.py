"""Write images in formats that instruments write."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import SIMULATED_MARK
from imaging.labels.labels import pixel_size


def write_gsf(image: xr.DataArray, path: str | Path) -> None:
    """Write a map as Gwyddion simple field.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x), coordinates in nm.
    path : path-like
        File to write.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from coatcore import read
    >>> from imaging import simulate_nanoir_map
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.gsf"
    >>> write_gsf(simulate_nanoir_map(1)[0], path)
    >>> read(path).attrs["simulated"]
    'yes'
    """
    dy, dx = pixel_size(image)
    ny, nx = image.shape
    header = [
        "Gwyddion Simple Field 1.0",
        f"XRes={nx}",
        f"YRes={ny}",
        f"XReal={nx * dx * 1e-9:.9e}",
        f"YReal={ny * dy * 1e-9:.9e}",
        "XYUnits=m",
        f"ZUnits={'' if image.attrs['units'] == '1' else image.attrs['units']}",
        f"Title={image.attrs['long_name']}",
    ]
    if image.attrs.get("simulated") == "yes":
        header.append(f"Comment={SIMULATED_MARK}")
    text = ("\n".join(header) + "\n").encode()
    text += b"\x00" * (4 - len(text) % 4)
    Path(path).write_bytes(text + image.values.astype("<f4").tobytes())


def write_zeiss_tiff(image: xr.DataArray, path: str | Path) -> None:
    """Write an 8-bit SEM image as TIFF with a Zeiss tag that holds pixel size and voltage.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x), coordinates in nm, values 0 to 255.
    path : path-like
        File to write.

    Raises
    ------
    MeasurementError
        If values are missing or do not fit into 8 bits.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from coatcore import read
    >>> from imaging import simulate_sem
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.tif"
    >>> image, _ = simulate_sem(1, shape=(96, 96))
    >>> write_zeiss_tiff(image, path)
    >>> bool(abs(read(path)["x"] - image["x"]).max() < 1e-6)
    True
    """
    import tifffile

    values = np.rint(image.transpose("y", "x").values.astype(float))
    if not np.isfinite(values).all() or values.min() < 0 or values.max() > 255:
        raise MeasurementError(
            f"values run from {np.nanmin(values):g} to {np.nanmax(values):g} and "
            f"{int((~np.isfinite(values)).sum())} are missing; 8 bits hold 0 to 255: scale them "
            "first, or use `write_mrc`"
        )
    dy, _ = pixel_size(image)
    voltage = float(image.attrs.get("acceleration_voltage_kV", 3.0))
    # The text form of the CZ_SEM tag: a key line, then its "name = value unit" line.
    tag = "\r\n".join(
        [
            *["0"] * 36,
            "AP_IMAGE_PIXEL_SIZE",
            f"Image Pixel Size = {dy:.6g} nm",
            "AP_ACTUALKV",
            f"EHT = {voltage:.2f} kV",
            "DP_DETECTOR_TYPE",
            f"Detector = {image.attrs.get('detector', 'BSD')}",
            "",
        ]
    ).encode("ascii")
    simulated = image.attrs.get("simulated") == "yes"
    tifffile.imwrite(
        path,
        values.astype(np.uint8),
        description=SIMULATED_MARK if simulated else "",
        metadata=None,
        software="coatqc",
        datetime=False,
        extratags=[(34118, 7, len(tag), tag, True)],
    )


def write_mrc(image: xr.DataArray, path: str | Path) -> None:
    """Write an image as MRC, the exchange format of electron microscopy.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x), coordinates in nm. Whole numbers from 0 to 65535 are kept as such, others
        become 32-bit floating-point numbers.
    path : path-like
        File to write; one of that name is replaced.

    References
    ----------
    Cheng et al., J. Struct. Biol. 2015, 192, 146 (MRC2014).

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from coatcore import read
    >>> from imaging import simulate_tem
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.mrc"
    >>> image, _ = simulate_tem(1, shape=(64, 64))
    >>> write_mrc(image, path)
    >>> bool((read(path).values == image.values.astype("f4")).all())
    True
    """
    import mrcfile

    values = image.transpose("y", "x").values
    whole = np.array_equal(values, np.clip(np.rint(values), 0, 2**16 - 1))
    dy, dx = pixel_size(image)
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(values.astype(np.uint16 if whole else np.float32))
        # In ångström.
        file.voxel_size = (10 * dx, 10 * dy, 10 * dx)
        # Its own label holds the time: the same image would not give the same file.
        file.header.label = b""
        file.header.nlabl = 0
        if image.attrs.get("simulated") == "yes":
            file.add_label(SIMULATED_MARK)
