"""Which pixels of an SEM cross-section belong to which particle?"""

from __future__ import annotations

import numpy as np
import xarray as xr
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import gaussian, threshold_otsu
from skimage.morphology import isotropic_closing, isotropic_opening, remove_small_objects
from skimage.segmentation import watershed

from coatqc.core.errors import MeasurementError
from imaging.checks import require_image
from imaging.labels import pixel_size

# Cracks up to this width, nm, are bridged before particles are told from electrolyte.
BRIDGE = 400.0
# Smallest particle, as the diameter of a circle of its area, nm.
MIN_DIAMETER = 1000.0
# Bright and dark phase must differ this many times their own scatter.
_MIN_CONTRAST = 2.0


def find_particles(image: xr.DataArray) -> xr.DataArray:
    """Labels of the bright particles of a back-scattered electron image.

    Otsu's threshold parts bright particles from dark electrolyte, cracks are bridged, holes
    filled, and particles that touch are cut apart at their necks (watershed of the distance to
    the edge) before anything inside them is measured.

    Parameters
    ----------
    image : xarray.DataArray
        Dims (y, x) in nm, particles bright.

    Returns
    -------
    xarray.DataArray
        Dims (y, x), 0 outside particles, else 1 to n.

    Raises
    ------
    MeasurementError
        If bright and dark phase cannot be told apart, or there is no particle.

    Examples
    --------
    >>> from imaging import simulate_sem
    >>> int(find_particles(simulate_sem(1)[0]).max()) > 3
    True
    """
    values = require_image(image, 64)
    dy, _ = pixel_size(image)
    calm = gaussian(values, 1.0, preserve_range=True)
    threshold = threshold_otsu(calm)
    bright = calm > threshold
    inside, outside = calm[bright], calm[~bright]
    scatter = np.hypot(np.std(inside), np.std(outside))
    if np.median(inside) - np.median(outside) < _MIN_CONTRAST * scatter:
        raise MeasurementError(
            f"bright ({np.median(inside):.3g}) and dark ({np.median(outside):.3g}) phase scatter "
            f"by {scatter:.3g} together: particles cannot be told from their surroundings"
        )
    # Bridges grow with the image's edge mirrored, so that particles cut by it stay whole.
    reach = max(1, round(BRIDGE / 2 / dy))
    padded = np.pad(bright, 2 * reach, mode="edge")
    bridged = isotropic_closing(padded, reach)[2 * reach : -2 * reach, 2 * reach : -2 * reach]
    solid = isotropic_opening(ndimage.binary_fill_holes(bridged), max(1, reach // 2))
    smallest = np.pi / 4 * (MIN_DIAMETER / dy) ** 2
    solid = remove_small_objects(solid, max_size=int(smallest))
    depth = ndimage.distance_transform_edt(solid)
    apart = max(1, round(MIN_DIAMETER / 2 / dy))
    smooth = gaussian(depth, apart / 3, preserve_range=True)
    seeds = peak_local_max(smooth, min_distance=apart, labels=ndimage.label(solid)[0])
    if len(seeds) == 0:
        raise MeasurementError("no particle of at least 1 µm was found")
    markers = np.zeros(solid.shape, int)
    markers[tuple(seeds.T)] = np.arange(1, len(seeds) + 1)
    labels = watershed(-smooth, markers, mask=solid)
    found = image.transpose("y", "x").copy(data=labels).rename("particle")
    found.attrs.update({"units": "1", "long_name": "particle number"})
    return found
