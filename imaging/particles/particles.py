"""Which pixels of an SEM cross-section belong to which particle, and of what shape is it?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from coatcore.errors import MeasurementError
from coatcore.provenance import add_history
from imaging.labels.labels import pixel_size
from imaging.labels.requirements import in_its_own_pixels, require_flat_image
from imaging.particles.close_ups import CloseUp
from imaging.particles.parameters import CrackParameters
from imaging.particles.places import locate_particles
from imaging.particles.survey import look_at_each

# Pixels across an image's longer side on which shapes are measured; more tell nothing more.
_ACROSS = 64


def find_particles(image: xr.DataArray, parameters: CrackParameters | None = None) -> xr.DataArray:
    """Labels of the bright particles of a back-scattered electron image.

    Bright particles are told from dark electrolyte under uneven light, cracks are bridged,
    holes filled, and particles that touch are cut apart at their necks before anything inside
    them is measured. Outlines are drawn half-way between the greys of the two phases.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x), particles bright. Where its pixel size is not known, sizes are taken as
        for pixels of 20 nm.
    parameters : CrackParameters, optional
        Sizes.

    Returns
    -------
    xarray.DataArray
        Dims (y, x), 0 outside particles, else 1 to n.

    Raises
    ------
    MeasurementError
        If bright and dark phase cannot be told apart, there is no particle, pixels are missing
        or not square, or the image is saturated.

    References
    ----------
    Vincent & Soille, IEEE PAMI 1991, 13, 583 (watershed).

    Examples
    --------
    >>> from imaging import simulate_sem
    >>> int(find_particles(simulate_sem(1)[0]).max()) > 3
    True
    """
    frame = require_flat_image(image)
    places = locate_particles(frame, parameters or CrackParameters())
    views = look_at_each(frame, places, lambda view: view)
    return add_history(in_its_own_pixels(particle_labels(frame, views)), "find_particles")


def particle_labels(image: xr.DataArray, views: list[CloseUp]) -> xr.DataArray:
    """Label image of particles seen close up.

    Examples
    --------
    >>> from imaging.labels import labelled_image
    >>> a = np.ones((2, 2))
    >>> view = CloseUp(
    ...     number=1, rows=slice(0, 2), columns=slice(0, 2), even=a, own=a > 0, others=a < 0
    ... )
    >>> int(particle_labels(labelled_image(a, (1.0, 1.0)), [view]).sum())
    4
    """
    number = np.zeros((image.sizes["y"], image.sizes["x"]), np.int32)
    for view in views:
        number[view.rows, view.columns][view.own] = view.number
    labels = image.copy(data=number).rename("particle")
    labels.attrs.update({"units": "1", "long_name": "particle number"})
    return labels


def particle_table(labels: xr.DataArray, image: xr.DataArray) -> pd.DataFrame:
    """Size, shape and grey of each particle.

    Parameters
    ----------
    labels : xarray.DataArray
        Dims (y, x), as `find_particles` gives or a person has corrected it.
    image : xarray.DataArray
        What it was found in.

    Returns
    -------
    pandas.DataFrame
        A row a particle: place, area, equivalent diameter (of a circle of the same area),
        Feret diameter (largest caliper width), aspect ratio of the ellipse with the same
        moments, solidity (area over that of the convex hull), mean grey, and whether the edge
        of the image cuts it, in which case sizes are those of what is seen.

    Raises
    ------
    MeasurementError
        If the two are not of one size.

    References
    ----------
    ISO 9276-6:2008 (particle shape).

    Examples
    --------
    >>> from imaging import simulate_sem
    >>> image, _ = simulate_sem(1)
    >>> table = particle_table(find_particles(image), image)
    >>> bool((table["Feret diameter / nm"] >= table["equivalent diameter / nm"]).all())
    True
    """
    from scipy import ndimage
    from skimage.measure import regionprops

    pixel = pixel_size(labels)[0]
    number = labels.transpose("y", "x").values
    ny, nx = number.shape
    unit = labels["y"].attrs.get("units", "pixel")
    grey = image.transpose("y", "x").values
    if grey.shape != number.shape:
        raise MeasurementError(f"labels are {number.shape} pixels, the image {grey.shape}")
    # Where the first pixel begins: the image may be cut from a larger one.
    y0, x0 = (float(labels[a].values[0]) - pixel / 2 for a in ("y", "x"))
    rows = []
    for label, near in enumerate(ndimage.find_objects(number), start=1):
        if near is None:
            continue
        mine = number[near] == label
        step = max(1, max(mine.shape) // _ACROSS)
        coarse = np.pad(mine, ((0, -mine.shape[0] % step), (0, -mine.shape[1] % step)))
        blocks = (coarse.shape[0] // step, step, coarse.shape[1] // step, step)
        shape = regionprops((coarse.reshape(blocks).mean(axis=(1, 3)) >= 0.5).astype(np.uint8))
        area = int(mine.sum())
        if not shape or area < 4:
            continue
        s = shape[0]
        diameter = 2 * np.sqrt(area / np.pi)
        y, x = ((p.start + (c + 0.5) * step) for p, c in zip(near, s.centroid, strict=True))
        rows.append(
            {
                "particle": label,
                f"y / {unit}": y0 + y * pixel,
                f"x / {unit}": x0 + x * pixel,
                f"area / {unit}2": area * pixel**2,
                f"equivalent diameter / {unit}": diameter * pixel,
                # A calliper closes on the outline, which whole pixels overstep.
                f"Feret diameter / {unit}": max(
                    diameter, s.feret_diameter_max * step * np.sqrt(area / (s.area * step**2))
                )
                * pixel,
                "aspect ratio": s.axis_major_length / max(s.axis_minor_length, 1e-9),
                "solidity": float(s.solidity),
                "mean grey": float(grey[near][mine].mean()),
                "cut by the edge": bool(
                    near[0].start == 0
                    or near[1].start == 0
                    or near[0].stop == ny
                    or near[1].stop == nx
                ),
            }
        )
    return pd.DataFrame(rows)
