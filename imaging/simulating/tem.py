"""Simulated bright-field TEM images of a coated particle's edge, with known thickness."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from scipy import ndimage

from imaging.labels.labels import labelled_image

# Wavelength of electrons at 300 kV, nm (JEM-3010).
_WAVELENGTH = 0.00197
# Spherical aberration, nm.
_CS = 0.6e6
# Layer that counts as one, nm: thinner is no more than a molecule's width.
_THINNEST = 0.3
# Pixels around the image in which the wave may run around the border of the Fourier transform.
_MARGIN = 16


class _Edge(NamedTuple):
    """Crystal surface as height v over u in the particle's own frame, and the layer on it."""

    u: np.ndarray
    height: np.ndarray
    slope: np.ndarray
    bend: np.ndarray
    thickness: np.ndarray


def simulate_tem(
    seed: int,
    *,
    thickness: float = 2.0,
    roughness: float = 0.1,
    covered: float = 1.0,
    shape: tuple[int, int] = (512, 512),
    pixel: float = 0.06,
    angle: float | None = None,
    radius: float = 40.0,
    surface_roughness: float = 0.3,
    layer_grey: float = 0.80,
    crystal_grey: float = 0.55,
    wedge: float = 0.01,
    rounding: float = 0.0,
    spacing: float = 0.47,
    fringes: float = 0.25,
    fade: float = 0.3,
    defocus: float = 40.0,
    phase: float = 0.12,
    speckle: float = 0.05,
    film: float = 0.0,
    electrons: float = 200.0,
    blur: float = 0.08,
    camera_blur: float = 0.6,
) -> tuple[xr.DataArray, dict[str, Any]]:
    """Bright-field image of a particle's edge that bears an amorphous layer.

    The exit wave of vacuum, layer and crystal is propagated by the defocus, which gives the
    edges their Fresnel fringes and the layer its speckle. Electrons are then counted (Poisson)
    and spread by the camera, so that the noise of neighbouring pixels is correlated.

    Assumes a layer of one grey on a crystal whose grey falls steadily inward (a wedge); lattice
    fringes of one spacing without delocalisation, which rise from nothing at the surface over
    `fade`; the layer's edges parallel to the beam. Leaves out thickness fringes, bent planes,
    drift, beam damage and charging.

    Parameters
    ----------
    seed : int
        Same seed, same image.
    thickness : float
        Mean of the layer in nm where there is one; 0 for an uncoated particle.
    roughness : float
        Standard deviation of the thickness along the contour over its mean; smooth over 6 nm.
    covered : float
        Share of the contour that bears the layer; the rest is one bare stretch.
    shape : (int, int)
        Pixels.
    pixel : float
        In nm.
    angle : float, optional
        Direction of the edge in degrees; by default of any.
    radius : float
        Of the particle's curvature, nm.
    surface_roughness : float
        Standard deviation of the crystal surface in nm; smooth over 4 nm.
    layer_grey, crystal_grey : float
        Intensity in the layer and at the crystal's surface, over that of the vacuum.
    wedge : float
        Relative fall of the crystal's intensity, nm-1.
    rounding : float
        Depth in nm over which the crystal darkens, at first like a circle's chord; 0 for a facet
        along the beam.
    spacing : float
        Of lattice planes in nm: 0.47 for (003) and 0.24 for (101) of NCM. In any direction.
    fringes : float
        Amplitude of the lattice fringes over the crystal's intensity; 0 for none.
    fade : float
        Depth in nm over which they rise.
    defocus : float
        Underfocus in nm.
    phase : float
        Phase that the wave gains in the layer, and again in the crystal, radian.
    speckle : float
        Phase noise of the amorphous layer, radian.
    film : float
        Absorption of a carbon film behind everything; 0 for none.
    electrons : float
        A pixel of vacuum: 800 is a calm image, 200 a common one, 40 a low-dose one.
    blur, camera_blur : float
        Standard deviation of the optics' blur in nm and of the camera's in pixels.

    Returns
    -------
    (xarray.DataArray, dict)
        Image over (y, x) in electrons, and what it holds: `thickness` (median in nm along the
        contour where it is covered), `covered` (share of the contour with at least 0.3 nm),
        `coated`, and `contour`, a table of the crystal's surface with the thickness on it.

    References
    ----------
    Shi et al., J. Mater. Chem. A 2025, 13, 2600, sections 2.1 and 4.6.
    Kirkland, Advanced Computing in Electron Microscopy, 3rd ed., Springer 2020, 3.1 (transfer).

    Examples
    --------
    >>> image, truth = simulate_tem(1, shape=(128, 128), thickness=0.0)
    >>> image.shape, truth["coated"], truth["thickness"]
    ((128, 128), False, 0.0)
    """
    rng = np.random.default_rng(seed)
    turn = np.deg2rad(rng.uniform(0, 360) if angle is None else angle)
    size = (shape[0] * pixel, shape[1] * pixel)
    edge = _edge(rng, float(np.hypot(*size)), radius, surface_roughness)
    wide = _contour_in_image(edge, turn, size)
    edge = edge._replace(thickness=_layer(rng, edge.u, wide, thickness, roughness, covered))
    dims = (shape[0] + 2 * _MARGIN, shape[1] + 2 * _MARGIN)
    across, down = (
        (np.arange(n) + 0.5 - _MARGIN) * pixel - s / 2
        for n, s in zip(dims[::-1], size[::-1], strict=True)
    )
    y, x = down[:, None], across[None]
    u = x * np.cos(turn) + y * np.sin(turn)
    v = -x * np.sin(turn) + y * np.cos(turn)
    outside, layer = _distance(edge, u, v)
    in_crystal = np.clip(0.5 - outside / pixel, 0, 1)
    # A coated crystal has the layer before and behind it too; a bare one has not.
    in_layer = np.clip(0.5 + (layer - outside) / pixel, 0, 1) * np.clip(layer / _THINNEST, 0, 1)
    depth = np.maximum(0.0, -outside)
    chord = np.sqrt(1 - np.exp(-depth / rounding)) if rounding else 1.0
    behind = 1 + in_layer * (layer_grey - 1)
    grey = behind + in_crystal * chord * (crystal_grey * np.exp(-wedge * depth) - behind)
    grain = ndimage.gaussian_filter(rng.normal(size=dims), 0.12 / pixel)
    grain /= grain.std()
    turned = phase * (in_layer + in_crystal * chord * (2 - in_layer))
    turned += speckle * grain * in_layer * (1 - in_crystal / 2)
    if film:
        carbon = ndimage.gaussian_filter(rng.normal(size=dims), 0.12 / pixel)
        turned += speckle * carbon / carbon.std()
        grey *= 1 - film
    seen = _propagate(np.sqrt(grey) * np.exp(1j * turned), pixel, defocus, blur)
    way = rng.uniform(0, 2 * np.pi)
    wave = 2 * np.pi / spacing * (x * np.cos(way) + y * np.sin(way)) + rng.uniform(0, 6.28)
    rise = np.clip(depth / max(fade, 1e-6), 0, 1)
    seen *= 1 + fringes * np.cos(wave) * rise**2 * (3 - 2 * rise)
    counts = ndimage.gaussian_filter(
        rng.poisson(np.maximum(seen, 0) * electrons).astype(float), camera_blur
    )[_MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    image = labelled_image(
        counts,
        (pixel, pixel),
        unit="electrons",
        attrs={"simulated": "yes", "instrument": "simulated TEM, 300 kV"},
    )
    return image, _truth(edge, turn, size)


def _smooth_noise(rng: np.random.Generator, n: int, length: float) -> np.ndarray:
    """Gaussian noise of unit deviation, correlated over `length` samples."""
    noise = ndimage.gaussian_filter1d(rng.normal(size=n + int(8 * length)), length)
    noise *= np.sqrt(2 * np.sqrt(np.pi) * length)
    return noise[int(4 * length) :][:n]


def _edge(rng: np.random.Generator, extent: float, radius: float, rough: float) -> _Edge:
    step = 0.04
    half = 0.5 * extent + 4
    u = np.arange(-half, half, step)
    height = -(u**2) / (2 * radius) + rough * _smooth_noise(rng, u.size, 4.0 / step / np.sqrt(2))
    height += rng.uniform(-0.08, 0.12) * extent - height[u.size // 2]
    slope = np.gradient(height, step)
    return _Edge(
        u=u, height=height, slope=slope, bend=np.gradient(slope, step), thickness=np.zeros(u.size)
    )


def _layer(
    rng: np.random.Generator,
    u: np.ndarray,
    inside: np.ndarray,
    mean: float,
    roughness: float,
    covered: float,
) -> np.ndarray:
    """Thickness along the surface; its bare stretch begins and ends within half a nanometre."""
    step = u[1] - u[0]
    wave = _smooth_noise(rng, u.size, 6.0 / step / np.sqrt(2))
    thick = mean * np.maximum(0.3, 1 + roughness * wave)
    if covered < 1 and inside.any():
        low, high = u[inside].min(), u[inside].max()
        bare = (1 - covered) * (high - low)
        start = rng.uniform(low, high - bare)
        gone = ((u >= start) & (u <= start + bare)).astype(float)
        thick *= 1 - ndimage.gaussian_filter1d(gone, 0.15 / step)
    return thick


def _places(edge: _Edge, turn: float, size: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Surface in the image's frame, y and x in nm."""
    y = edge.u * np.sin(turn) + edge.height * np.cos(turn) + size[0] / 2
    x = edge.u * np.cos(turn) - edge.height * np.sin(turn) + size[1] / 2
    return y, x


def _contour_in_image(edge: _Edge, turn: float, size: tuple[float, float]) -> np.ndarray:
    y, x = _places(edge, turn, size)
    return (y >= 0) & (y <= size[0]) & (x >= 0) & (x <= size[1])


def _distance(edge: _Edge, u: np.ndarray, v: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance from the surface, nm, outside above 0; and the layer's thickness there."""
    start, step = edge.u[0], edge.u[1] - edge.u[0]

    def at(values: np.ndarray, place: np.ndarray) -> np.ndarray:
        share = (place - start) / step
        low = np.clip(share.astype(int), 0, edge.u.size - 2)
        share = np.clip(share - low, 0, 1)
        return values[low] * (1 - share) + values[low + 1] * share

    rise = v - at(edge.height, u)
    out = rise / np.sqrt(1 + at(edge.slope, u) ** 2)
    layer = np.zeros_like(out)
    # Far away the layer is not met and the depth need not be exact.
    near = np.abs(out) < 10
    un, vn = u[near], v[near]
    foot = un.copy()
    for _ in range(5):
        height, slope, bend = (at(a, foot) for a in (edge.height, edge.slope, edge.bend))
        pull = foot - un + (height - vn) * slope
        foot -= np.clip(pull / np.maximum(0.4, 1 + slope**2 + (height - vn) * bend), -2, 2)
    gap = vn - at(edge.height, foot)
    out[near] = np.sign(gap) * np.hypot(gap, un - foot)
    layer[near] = at(edge.thickness, foot)
    return out, layer


def _propagate(wave: np.ndarray, pixel: float, defocus: float, blur: float) -> np.ndarray:
    """Intensity after the objective lens at some underfocus."""
    fy, fx = (np.fft.fftfreq(n, pixel) for n in wave.shape)
    f2 = fy[:, None] ** 2 + fx[None] ** 2
    turn = np.pi * _WAVELENGTH * f2 * (defocus - 0.5 * _CS * _WAVELENGTH**2 * f2)
    seen: np.ndarray = (
        np.abs(np.fft.ifft2(np.fft.fft2(wave) * np.exp(1j * turn - 2 * np.pi**2 * blur**2 * f2)))
        ** 2
    )
    return seen


def _truth(edge: _Edge, turn: float, size: tuple[float, float]) -> dict[str, Any]:
    inside = _contour_in_image(edge, turn, size)
    y, x = _places(edge, turn, size)
    length = np.sqrt(1 + edge.slope**2)[inside]
    thick = edge.thickness[inside]
    bears = thick >= _THINNEST
    contour = pd.DataFrame(
        {
            "y / nm": y[inside],
            "x / nm": x[inside],
            "length / nm": length * (edge.u[1] - edge.u[0]),
            "thickness / nm": thick,
        }
    )
    return {
        "thickness": float(np.median(thick[bears])) if bears.any() else 0.0,
        "covered": float((length * bears).sum() / length.sum()),
        "coated": bool(bears.any()),
        "contour": contour,
    }
