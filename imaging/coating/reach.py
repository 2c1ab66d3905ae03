"""Does the grey step once more, beyond where a layer was looked for?"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from coatcore.errors import MeasurementError
from imaging.coating.layer import GreyLayer
from imaging.coating.layer_fit import EDGE, STEP
from imaging.coating.profiles import Windows
from imaging.coating.settings import TemSettings
from imaging.coating.verdict import WindowLayer

# How much farther than a layer is looked for, as a multiple of the thickest.
_FARTHER = 3.0
# A step is judged between means over this length, nm: some periods of any lattice.
_MEAN = 1.41
# Least second step, as a share of the first. The wedge of a crystal, which a mean over that length
# turns into a step too, is far below.
_STEP = 0.15
# Share of windows that must lie in the image at a depth.
_ENOUGH = 0.2
# Near the thickest layer the second edge is cut off, and the fit is held below it.
_NEAR = 0.87
_SOME = 0.1


def require_within_reach(
    values: np.ndarray,
    pixel: tuple[float, float],
    windows: Windows,
    grey: GreyLayer,
    layer: WindowLayer,
    settings: TemSettings,
    source: str,
) -> None:
    """Refuse an image whose layer may be thicker than what was looked for.

    Parameters
    ----------
    values : numpy.ndarray
        Image, dims (y, x).
    pixel : (float, float)
        In nm.
    windows : Windows
    grey : GreyLayer
    layer : WindowLayer
    settings : TemSettings
    source : str
        Name of the image in messages.

    Raises
    ------
    MeasurementError
        If a tenth of the windows show a layer near the thickest, or the mean profile steps again
        beyond it.
    """
    thick = layer.thickness[layer.bears] if layer.coated else np.zeros(0)
    near = float((thick > _NEAR * settings.thickest).sum()) / layer.thickness.size
    if near > _SOME:
        raise _too_thick(
            source, f"{100 * near:.0f} % of its edge bear a layer of about that", settings
        )
    fit = grey.fit if np.isfinite(grey.share) else grey.bare
    depth, profile = _mean_profile(values, pixel, windows, fit.values[:, EDGE], settings)
    if profile.size == 0:
        return
    step = _steps(profile, depth[1] - depth[0]) / abs(float(np.median(fit.values[:, STEP])))
    # The known layer's inner edge lies at most here.
    known = float(np.quantile(thick, 0.98)) + _MEAN + 0.3 if thick.size else 0.0
    inward = depth > max(0.8 * settings.thickest, known)
    beyond = (inward | (depth < -0.8 * settings.thickest)) & np.isfinite(step)
    if not beyond.any():
        return
    # Vacuum is brighter: what darkens inward is a step of the kind a layer makes.
    at = int(np.argmax(np.where(beyond, step, -np.inf)))
    if step[at] > _STEP:
        raise _too_thick(
            source, f"its grey steps again {abs(depth[at]):.1f} nm from the edge", settings
        )


def _too_thick(source: str, found: str, settings: TemSettings) -> MeasurementError:
    wider = 2 * settings.thickest
    return MeasurementError(
        f"{source}: a layer of up to {settings.thickest:g} nm was looked for, and {found}: the "
        "coating may be thicker, or something else lies there; look at the image, and for a "
        f"thicker coating give TemSettings(thickest={wider:g}, outside={wider + 2:g}, "
        f"inside={wider + 2:g})"
    )


def _mean_profile(
    values: np.ndarray,
    pixel: tuple[float, float],
    windows: Windows,
    edge: np.ndarray,
    settings: TemSettings,
) -> tuple[np.ndarray, np.ndarray]:
    """Grey over the distance from the outer edge, mean of the windows that lie in the image."""
    farther = _FARTHER * settings.thickest
    fine = max(*pixel, 0.1)
    depth = np.arange(-settings.outside - farther, settings.inside + farther, fine)
    calm = ndimage.gaussian_filter(values, [0.2 / p for p in pixel])
    at = [
        (start[:, None] + into[:, None] * (edge[:, None] + depth)) / size - 0.5
        for start, into, size in (
            (windows.y, windows.into_y, pixel[0]),
            (windows.x, windows.into_x, pixel[1]),
        )
    ]
    seen = ndimage.map_coordinates(calm, at, order=1, mode="constant", cval=np.nan)
    held = np.isfinite(seen)
    enough = held.mean(axis=0) >= _ENOUGH
    total = np.where(held, seen, 0.0).sum(axis=0) / np.maximum(held.sum(axis=0), 1)
    return depth[enough], total[enough]


def _steps(profile: np.ndarray, fine: float) -> np.ndarray:
    """Mean before each place less the mean after it; NaN near the ends."""
    n = max(2, round(_MEAN / fine))
    sums = np.concatenate([[0.0], np.cumsum(profile)])
    means = (sums[n:] - sums[:-n]) / n
    step = np.full(profile.size, np.nan)
    if means.size > n:
        step[n : n + means.size - n] = means[:-n] - means[n:]
    return step
