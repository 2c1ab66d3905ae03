"""Score cracks and particles on simulated images with known truth, ours beside the peers.

Peers are Otsu's threshold with a watershed, and sato and frangi of scikit-image, each with the
scales and threshold that do best on one half of the images, scored on the other half. They are
scored within the particles as found here, for none of them finds any of its own but Otsu's; their
time is that of the whole chain one would write with scikit-image: particles by Otsu and
watershed, a table of them, response, threshold, skeletons, a table of cracks.

    python benchmarks/crack_scores.py [number of images]
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from other_sem import simulate_other_sem
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import frangi, gaussian, sato, threshold_otsu
from skimage.measure import label, regionprops_table
from skimage.morphology import remove_small_objects, skeletonize
from skimage.segmentation import watershed

from imaging import find_cracks, simulate_sem
from imaging.particles import CrackParameters
from imaging.simulating import SemTruth

# The scores are the tests' own.
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "helpers"))
from segmentation_scores import Lines, Panoptic, centre_line_dice, lines_within, panoptic

LEVELS = {"calm": 1800.0, "middle": 450.0, "noisy": 150.0}
PARAMETERS = CrackParameters()
# Pixels of the smallest particle, at 20 nm a pixel.
SMALLEST = int(np.pi * (PARAMETERS.min_diameter / 2 / 20.0) ** 2)


class Scores(NamedTuple):
    """What is summed over images."""

    particles: Panoptic
    lines: Lines
    cldice: Lines
    dice: tuple[float, float]
    lengths: tuple[float, float]
    fractions: tuple[float, float]
    kinds: Counter[str]
    seconds: float


def countable(truth: SemTruth) -> pd.DataFrame:
    """True cracks that are long enough to count, in particles that are large enough."""
    table = truth.table
    size = np.bincount(truth.particles.ravel())[table["particle"].to_numpy(int)]
    return table[(table["length / nm"] >= PARAMETERS.min_length) & (size >= SMALLEST)]


def long_truth(truth: SemTruth) -> tuple[np.ndarray, np.ndarray]:
    """Mask and skeletons of the true cracks that count."""
    short = np.setdiff1d(truth.table["crack"], countable(truth)["crack"])
    mask = (truth.crack_share >= 0.5) & ~np.isin(truth.cracks, short)
    lines = skeletonize((truth.lines > 0) & ~np.isin(truth.lines, short))
    return mask, lines


def line_scores(
    truth: SemTruth, found: np.ndarray, lines: np.ndarray
) -> tuple[Lines, Lines, tuple[float, float]]:
    """F1 within 2 pixels, clDice, and sums for Dice of cracks 4 pixels and wider."""
    mask, true_lines = long_truth(truth)
    wide = truth.table["crack"][truth.table["width / nm"] >= 80.0].to_numpy()
    true_wide = mask & np.isin(truth.cracks, wide)
    near = ndimage.maximum_filter(true_wide, 17)
    dice = (2.0 * (true_wide & found).sum(), float(true_wide.sum() + (found & near).sum()))
    within = lines_within(true_lines, lines)
    return within, centre_line_dice(mask, skeletonize(mask), found, lines), dice


def score_ours(image: xr.DataArray, truth: SemTruth) -> Scores:
    start = time.perf_counter()
    found = find_cracks(image, PARAMETERS)
    seconds = time.perf_counter() - start
    mask = found.mask.values
    within, cldice, dice = line_scores(truth, mask, skeletonize(mask))
    true = countable(truth)
    return Scores(
        panoptic(truth.particles, found.labels.values, SMALLEST),
        within,
        cldice,
        dice,
        (float(found.cracks["length / nm"].sum()), float(true["length / nm"].sum())),
        (found.crack_area_fraction.value, truth.crack_area_fraction),
        kinds(truth, found.crack_labels.values, found.cracks["kind"].to_numpy()),
        seconds,
    )


def kinds(truth: SemTruth, labels: np.ndarray, found: np.ndarray) -> Counter[str]:
    """Cracks by true and found kind; each true one is matched once."""
    true = countable(truth)
    of = dict(zip(true["crack"], true["kind"], strict=True))
    counts: Counter[str] = Counter()
    used = set()
    for k, kind in enumerate(found, start=1):
        under = truth.cracks[labels == k]
        under = under[under > 0]
        best = int(np.bincount(under).argmax()) if under.size else 0
        if best not in of or best in used:
            counts[f"- {kind}"] += best == 0 or best in used
            continue
        used.add(best)
        counts[f"{of[best]} {kind}"] += 1
    for crack, kind in of.items():
        if crack not in used:
            counts[f"{kind} -"] += 1
    return counts


def class_f1(counts: Counter[str]) -> float:
    """Share of right cracks among found and true ones (micro F1)."""
    right = sum(n for pair, n in counts.items() if pair.split()[0] == pair.split()[1])
    found = sum(n for pair, n in counts.items() if pair.split()[1] != "-")
    true = sum(n for pair, n in counts.items() if pair.split()[0] != "-")
    return 2 * right / max(1, found + true)


def add(parts: list[Scores]) -> Scores:
    def total(name: str) -> list[float]:
        return list(np.sum([getattr(p, name) for p in parts], axis=0))

    area = [p.particles for p in parts]
    return Scores(
        Panoptic(
            sum(p.overlap for p in area),
            sum(p.matched for p in area),
            sum(p.false for p in area),
            sum(p.missed for p in area),
        ),
        Lines(*total("lines")),
        Lines(*total("cldice")),
        tuple(total("dice")),
        tuple(total("lengths")),
        tuple(total("fractions")),
        sum((p.kinds for p in parts), Counter()),
        sum(p.seconds for p in parts),
    )


def summary(s: Scores) -> dict[str, float]:
    return {
        "particle PQ": s.particles.quality,
        "F1 within 2 px": s.lines.f1,
        "clDice": s.cldice.f1,
        "Dice, wide": s.dice[0] / s.dice[1],
        "length ratio": s.lengths[0] / s.lengths[1],
        "area fraction ratio": s.fractions[0] / s.fractions[1],
        "class F1": class_f1(s.kinds),
        "s an image": s.seconds,
    }


def peer_response(name: str, image: np.ndarray, scale: int) -> np.ndarray:
    """How dark and line-like each pixel is to a peer."""
    if name == "otsu":
        return -ndimage.gaussian_filter(image, 0.4 * scale)
    sigmas = range(1, scale + 1)
    return (sato if name == "sato" else frangi)(image, sigmas=sigmas, black_ridges=True)


def peer_chain(
    name: str, image: np.ndarray, scale: int, threshold: float, smallest: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables of particles and cracks as one would make them with scikit-image."""
    calm = gaussian(image, 1.0)
    solid = ndimage.binary_fill_holes(calm > threshold_otsu(calm))
    depth = ndimage.distance_transform_edt(solid)
    tops = peak_local_max(gaussian(depth, 3.0), min_distance=20, labels=label(solid))
    seeds = np.zeros(image.shape, int)
    seeds[tuple(tops.T)] = np.arange(1, len(tops) + 1)
    particles = watershed(-depth, seeds, mask=solid)
    shape = ("label", "area", "equivalent_diameter_area", "feret_diameter_max", "solidity")
    table = regionprops_table(particles, image, properties=(*shape, "intensity_mean"))
    mask = (peer_response(name, image, scale) > threshold) & (depth > 4)
    if smallest:
        mask = remove_small_objects(mask, max_size=smallest, connectivity=2)
    found = label(mask, connectivity=2)
    lines = skeletonize(mask)
    cracks = regionprops_table(found, image, properties=("label", "area", "orientation"))
    cracks["length"] = np.bincount(found[lines], minlength=found.max() + 1)[1:]
    return pd.DataFrame(table), pd.DataFrame(cracks)


def peers(images: list[tuple[xr.DataArray, SemTruth]]) -> pd.DataFrame:
    """Each peer at its best on the first half of the images, scored on the second."""
    half = len(images) // 2
    found = [find_cracks(image) for image, _ in images]
    inside = [ndimage.binary_erosion(f.labels.values > 0, iterations=4) for f in found]
    rows = []
    for name in ("otsu", "sato", "frangi"):
        best: tuple[float, int, float, int] | None = None
        for scale in (1, 2, 3, 4):
            responses = [
                peer_response(name, i.values.astype(float), scale) for i, _ in images[:half]
            ]
            pooled = np.concatenate([r[m] for r, m in zip(responses, inside, strict=False)])
            shares = (0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.08)
            thresholds = list(np.quantile(pooled, [1 - s for s in shares]))
            if name == "otsu":
                thresholds.append(threshold_otsu(pooled))
            for threshold in thresholds:
                for smallest in (0, 30, 60, 100):
                    f1 = np.mean(
                        [
                            peer_scores(r, m, t, threshold, smallest)[0].f1
                            for r, m, (_, t) in zip(responses, inside, images, strict=False)
                        ]
                    )
                    if best is None or f1 > best[0]:
                        best = (float(f1), scale, float(threshold), smallest)
        assert best is not None
        _, scale, threshold, smallest = best
        start = time.perf_counter()
        for i, _ in images[half:]:
            peer_chain(name, i.values.astype(float), scale, threshold, smallest)
        seconds = (time.perf_counter() - start) / (len(images) - half)
        responses = [peer_response(name, i.values.astype(float), scale) for i, _ in images[half:]]
        parts = [
            peer_scores(r, m, t, threshold, smallest)
            for r, m, (_, t) in zip(responses, inside[half:], images[half:], strict=True)
        ]
        rows.append(_peer_row(f"{name}, scale {scale}, {smallest} px", parts, seconds))
    parts, seconds = [], 0.0
    for image, truth in images[half:]:
        start = time.perf_counter()
        mask = find_cracks(image).mask.values
        seconds += time.perf_counter() - start
        parts.append(line_scores(truth, mask, skeletonize(mask)))
    rows.append(_peer_row("coatqc, all of it", parts, seconds / len(parts)))
    return pd.DataFrame(rows).set_index("method")


def peer_scores(
    response: np.ndarray, inside: np.ndarray, truth: SemTruth, threshold: float, smallest: int
) -> tuple[Lines, Lines, tuple[float, float]]:
    mask = (response > threshold) & inside
    if smallest:
        mask = remove_small_objects(mask, max_size=smallest, connectivity=2)
    return line_scores(truth, mask, skeletonize(mask))


def _peer_row(
    name: str, parts: list[tuple[Lines, Lines, tuple[float, float]]], seconds: float
) -> dict[str, float | str]:
    lines, cldice, dice = (np.sum([p[k] for p in parts], axis=0) for k in range(3))
    return {
        "method": name,
        "F1 within 2 px": Lines(*lines).f1,
        "clDice": Lines(*cldice).f1,
        "Dice, wide": dice[0] / dice[1],
        "s an image": seconds,
    }


def _score_one(task: tuple[Callable[..., tuple[xr.DataArray, SemTruth]], int, float]) -> Scores:
    simulate, seed, electrons = task
    return score_ours(*simulate(seed, electrons=electrons))


def main(n: int) -> None:
    rows = {}
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for name, simulate in (("", simulate_sem), ("other simulator, ", simulate_other_sem)):
            for level, electrons in LEVELS.items():
                # Seeds of the other one at which nothing was ever looked at.
                first = 5000 if name else 0
                tasks = [(simulate, first + seed, electrons) for seed in range(n)]
                total = add(list(pool.map(_score_one, tasks)))
                rows[name + level] = summary(total)
                print(name + level, dict(total.kinds), flush=True)
    table = pd.DataFrame(rows).T
    table["s an image"] /= n
    print(table.round(3).to_string())
    clean = [find_cracks(simulate_sem(s, crack_area_fraction=0.0)[0]) for s in range(n)]
    areas = [c.particles[["crack area / nm2", "area / nm2"]].sum() for c in clean]
    pristine = sum(a.iloc[0] for a in areas) / sum(a.iloc[1] for a in areas)
    print(f"crack area fraction of pristine particles: {pristine:.6f}", flush=True)
    images = [simulate_sem(1000 + seed) for seed in range(max(4, n // 5))]
    print(peers(images).round(3).to_string())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
