"""At which places do two aligned patterns differ, by more than counting and repeats explain?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d
from scipy.optimize import brentq
from scipy.stats import chi2, norm

from xrd.alignment.align import Alignment
from xrd.alignment.repeatability import Repeatability


@dataclass(frozen=True, kw_only=True)
class Differences:
    """What a peak's shape finds in the difference of two patterns, at every place.

    Parameters
    ----------
    height, spread : numpy.ndarray, shape (n,)
        Height of a peak there, and its standard uncertainty by counting and repeats.
    inverse : numpy.ndarray, shape (n,)
        Weights of the points: one over their variance.
    dispersion : float
        Variance of neighbouring points over that of counting; 1 if counting explains it.
    width : float
        Full width at half maximum of the peak looked for, degree.

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> from xrd.alignment.align import align
    >>> fit = align(*(simulate_pattern(seed)[0] for seed in (1, 2)))
    >>> found = peak_differences(fit, 0.09, Repeatability())
    >>> bool(0.8 < (found.height / found.spread).std() < 1.1)
    True
    """

    height: np.ndarray
    spread: np.ndarray
    inverse: np.ndarray
    dispersion: float
    width: float
    step: float
    upcrossings: float

    @property
    def z(self) -> np.ndarray:
        """Height over its uncertainty."""
        return self.height / self.spread

    def answer_of(self, excess: np.ndarray) -> np.ndarray:
        """Height that would be found at every place if the difference were `excess`.

        Parameters
        ----------
        excess : numpy.ndarray, shape (n,)
            In the unit of the pattern.
        """
        return _answer(excess, self.inverse, _template(self.width, self.step))


def peak_differences(fit: Alignment, width: float, repeatability: Repeatability) -> Differences:
    """Height of a peak of a given width at every place of the difference.

    Parameters
    ----------
    fit : Alignment
        Of both patterns.
    width : float
        Full width at half maximum, degree.
    repeatability : Repeatability
        Of two scans of one material.

    Returns
    -------
    Differences

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> from xrd.alignment.align import align
    >>> pair = simulate_pattern(1)[0], simulate_pattern(2, extra=((27.03, 5.0),))[0]
    >>> fit = align(*pair)
    >>> float(fit.two_theta[peak_differences(fit, 0.09, Repeatability()).z.argmax()].round())
    27.0
    """
    step = float(np.median(np.diff(fit.two_theta)))
    template = _template(width, step)
    dispersion = _dispersion(fit)
    inverse = 1 / (dispersion * fit.broad_variance)
    norm2 = np.correlate(inverse, template**2, mode="same")
    # What does not repeat is one factor for a whole peak, so it does not average over points:
    # it answers as the reference's own peaks would, somewhere on the way to their neighbours.
    near = 2 * max(1, round(width / step / 2)) + 1
    peaks, slopes = (
        maximum_filter1d(np.abs(_answer(y, inverse, template)), near)
        for y in (fit.profile, fit.slope)
    )
    repeats = np.hypot(repeatability.intensity, repeatability.shape) * peaks
    moves = repeatability.position * slopes
    spread = np.sqrt(1 / norm2 + repeats**2 + moves**2)
    # Cut off at an end, a template answers to the background's slope.
    reach = template.size // 2
    spread[:reach] = spread[-reach:] = np.inf
    bend = np.sum(np.diff(template) ** 2) / np.sum(template**2)
    length = fit.two_theta.size
    crossings = length * float(np.sqrt(bend)) / (2 * np.pi)
    return Differences(
        height=_answer(fit.sample - fit.expected, inverse, template),
        spread=spread,
        inverse=inverse,
        dispersion=dispersion,
        width=width,
        step=step,
        upcrossings=crossings,
    )


def at_separate_places(answer: np.ndarray, found: Differences) -> np.ndarray:
    """Where a pattern of several lines answers most, no two places within a template's reach.

    Parameters
    ----------
    answer : numpy.ndarray, shape (n,)
        Height that the pattern would be found with at every place.
    found : Differences
        Of which places without a finite uncertainty are left out.

    Returns
    -------
    numpy.ndarray
        Indices; neighbours would share noise.
    """
    from scipy.signal import find_peaks

    telling = np.where(np.isfinite(found.spread), np.maximum(answer, 0) / found.spread, 0.0)
    reach = max(1, round(1.5 * found.width / found.step))
    least = 0.02 * float(telling.max(initial=0.0))
    return find_peaks(telling, height=max(least, 1e-300), distance=reach)[0]


def any_place_p(z: float, upcrossings: float) -> float:
    """Probability that anywhere noise alone reaches |z|: the look-elsewhere effect.

    Parameters
    ----------
    z : float
        Largest absolute value found.
    upcrossings : float
        Of level zero that noise makes over the whole range.

    Notes
    -----
    Rice's formula bounds how often a smooth Gaussian process crosses a level (Davies, Biometrika
    74, 1987, 33; Gross and Vitells, Eur. Phys. J. C 70, 2010, 525). Both signs count.

    Examples
    --------
    >>> any_place_p(3.0, 200) > 0.9, any_place_p(6.0, 200) < 1e-5
    (True, True)
    """
    return float(min(1.0, 2 * (norm.sf(z) + upcrossings * np.exp(-(z**2) / 2))))


def critical_z(alpha: float, upcrossings: float) -> float:
    """The |z| that noise alone reaches anywhere with probability alpha.

    Examples
    --------
    >>> 4 < critical_z(0.05, 200) < 5
    True
    """
    return float(brentq(lambda z: any_place_p(z, upcrossings) - alpha, 0.5, 30.0))


def sum_p(found: Differences) -> float:
    """Probability that noise alone makes a sum of squares so large, over all places.

    Many small differences that no single place shows make a large sum. Neighbouring places
    share noise: the sum is referred to a scaled chi-squared of the same mean and variance
    (Satterthwaite).

    Examples
    --------
    >>> from xrd import simulate_pattern
    >>> from xrd.alignment.align import align
    >>> fit = align(*(simulate_pattern(seed)[0] for seed in (1, 2)))
    >>> sum_p(peak_differences(fit, 0.09, Repeatability())) > 0.01
    True
    """
    every = max(1, round(found.width / found.step / 2))
    z = found.z[::every]
    template = _template(found.width, found.step)
    tied = np.correlate(template, template, mode="full") / np.sum(template**2)
    tied = tied[template.size - 1 :: every]
    variance = 2 * z.size * (1 + 2 * float(np.sum(tied[1:] ** 2)))
    scale = variance / (2 * z.size)
    return float(chi2.sf(np.sum(z**2) / scale, 2 * z.size**2 / variance))


def combined_p(*several: float) -> float:
    """One probability from several that depend on each other: Cauchy combination.

    Notes
    -----
    Liu and Xie, J. Am. Stat. Assoc. 115 (2020) 393: holds its size for small probabilities
    whatever their dependence.

    Examples
    --------
    >>> round(combined_p(0.5, 0.5), 3), combined_p(1e-6, 1.0) < 1e-5
    (0.5, True)
    """
    # Near 1 the statistic runs off to minus infinity and would drown what others say.
    p = np.clip(several, 1e-300, 0.9)
    small = p < 1e-8
    parts = np.where(small, 1 / (np.pi * p), np.tan((0.5 - np.where(small, 0.5, p)) * np.pi))
    mean = float(np.mean(parts))
    if mean > 1e8:
        return float(1 / (np.pi * mean))
    return float(0.5 - np.arctan(mean) / np.pi)


def _answer(excess: np.ndarray, inverse: np.ndarray, template: np.ndarray) -> np.ndarray:
    norm2 = np.correlate(inverse, template**2, mode="same")
    return np.correlate(excess * inverse, template, mode="same") / norm2


def _template(width: float, step: float) -> np.ndarray:
    reach = max(2, round(2 * width / step))
    offset = step * np.arange(-reach, reach + 1) / width
    template = 0.5 / (1 + 4 * offset**2) + 0.5 * np.exp(-4 * np.log(2) * offset**2)
    # Without its mean, a template does not answer to a residual of the background.
    return template - template.mean()


def _dispersion(fit: Alignment) -> float:
    """How much more neighbouring points scatter than counting says, at least 1.

    Second differences over two steps see no peak; a median, none of the few places that differ.
    """
    z = (fit.sample - fit.expected) / np.sqrt(fit.rough_variance)
    rough = (z[4:] - 2 * z[2:-2] + z[:-4]) ** 2 / 6
    return max(1.0, float(np.median(rough)) / 0.4549)
