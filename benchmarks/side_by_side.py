"""How fast is coatqc beside the tool that people would otherwise take, in one process?

Ratios are medians over rounds in which both ran in turn. The peers do not do the same work to
the letter; what differs is said in the name.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import xarray as xr

ROUNDS = 5
REFERENCE = Path(
    os.environ.get("COATQC_REFERENCE", Path(__file__).resolve().parents[2] / "shared" / "reference")
)


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def band_position_and_lmfit() -> tuple[Callable[[], object], Callable[[], object]]:
    from lmfit.models import LinearModel, PseudoVoigtModel

    from spectra import band_position, simulate_ftir

    lines = [simulate_ftir(seed)[0] for seed in range(64)]
    series = xr.concat(lines, dim="replicate")
    x = series["wavenumber"].values
    near = np.abs(x - 1669.0) <= 60
    model = PseudoVoigtModel() + LinearModel()

    def one(y: np.ndarray) -> None:
        start = model.make_params(
            center=1669, sigma=14, amplitude=9, fraction=0.5, slope=0, intercept=0.02
        )
        start["fraction"].set(min=0, max=1)
        model.fit(y, start, x=x[near])

    def theirs() -> None:
        for row in series.values:
            one(row[near])

    return lambda: band_position(series), theirs


def map_of_bands() -> None:
    """Bands of a map of 256 x 256 spectra, and how far lmfit puts them elsewhere."""
    from lmfit.models import LinearModel, PseudoVoigtModel

    from spectra import fit_bands
    from spectra.bands.shapes import pseudo_voigt
    from spectra.labels.labels import labelled_cube

    rng = np.random.default_rng(1)
    side, few = 256, 24
    x = 1400 + np.arange(500.0)
    center = rng.uniform(1655, 1675, (side, side, 1))
    cube = pseudo_voigt(x, center, rng.uniform(15, 40, center.shape), rng.random(center.shape))
    cube += 0.1 + 1e-4 * (x - 1600) + rng.normal(0, 0.02, cube.shape)
    place = np.arange(side) * 50.0
    da = labelled_cube(x, cube, "intensity", place, place)
    fit_bands(da[:2], 1665.0)
    ratios, model = [], PseudoVoigtModel() + LinearModel()
    for _ in range(3):
        start = time.perf_counter()
        found = fit_bands(da, 1665.0, half_window=45.0)
        ours = (time.perf_counter() - start) / side**2
        off, spent = [], 0.0
        curves = fit_bands(da[0, :few], 1665.0, half_window=45.0, curves=True)["fitted"].values
        for i in range(few):
            used = np.isfinite(curves[i])
            first = model.make_params(
                center=1665, sigma=14, amplitude=30, fraction=0.5, slope=0, intercept=0.1
            )
            first["fraction"].set(min=0, max=1)
            start = time.perf_counter()
            theirs = model.fit(cube[0, i, used], first, x=x[used])
            spent += time.perf_counter() - start
            u = float(found["center_standard_uncertainty"][0, i, 0])
            off.append(abs(theirs.params["center"].value - float(found["center"][0, i, 0])) / u)
        ratios.append((spent / few / ours, ours, spent / few, max(off)))
    ratio, ours, theirs_each, off_most = sorted(ratios)[1]
    print(
        f"band fit a spectrum, 65,536 of 500 points: coatqc {1e6 * ours:.0f} us, lmfit "
        f"{1e3 * theirs_each:.1f} ms: {ratio:.0f} times faster; positions differ by at most "
        f"{off_most:.4f} standard uncertainties"
    )


def prepared_map_and_copy() -> tuple[Callable[[], object], Callable[[], object]]:
    from spectra import normalize, smooth

    cube = np.random.default_rng(0).random((256, 256, 500))
    coords = {"wavenumber": np.arange(500.0)}
    da = xr.DataArray(cube, dims=("y", "x", "wavenumber"), coords=coords)
    return lambda: smooth(normalize(da), 10), lambda: da.copy(deep=True)


def cracks_and_sato() -> tuple[Callable[[], object], Callable[[], object]]:
    from skimage.filters import sato

    from imaging import find_cracks, simulate_sem

    image, _ = simulate_sem(1, shape=(3072, 4096))
    values = image.values.astype(float)
    return lambda: find_cracks(image), lambda: sato(values, sigmas=(1, 2, 3))


def iontof_and_pandas() -> tuple[Callable[[], object], Callable[[], object]]:
    import pandas as pd

    from coatcore import read

    path = REFERENCE / "tofsims" / "N_Ru-Ir_Bi3_1.txt"
    return lambda: read(path), lambda: pd.read_csv(path, sep="\t", comment="#")


def omnic_and_spectrochempy() -> tuple[Callable[[], object], Callable[[], object]]:
    import spectrochempy as scp

    from coatcore import read

    path = REFERENCE / "ir" / "3-SILICA_0.SPA"
    return lambda: read(path), lambda: scp.read_spa(str(path))


def events_and_bincount() -> None:
    """Spectrum and images of 50 million events on disk, beside bare numpy.bincount."""
    import subprocess
    import sys
    import tempfile

    from tofsims.images import bin_images, bin_spectrum, labelled_events
    from tofsims.simulating import simulate_events

    ions = ["O-", "OH-", "F-", "C2-", "CN-", "S-", "Cl-", "C3-", "CNO-", "PO-", "SO-", "PS-"]
    ions += ["PO2-", "SO2-", "PSO-", "PO3-", "SO3-", "58NiO2-", "60NiO2-", "CoO2-"]
    with tempfile.TemporaryDirectory() as folder:
        made = simulate_events(1, EVENTS)
        for name in ("channel", "x", "y", "scan"):
            np.save(f"{folder}/{name}.npy", made[name].values)
        del made

        def mapped() -> xr.Dataset:
            parts = [
                np.load(f"{folder}/{name}.npy", mmap_mode="r")
                for name in ("channel", "x", "y", "scan")
            ]
            return labelled_events(*parts, shape=(256, 256), mass_scale=(0.0, 12_000.0))

        events = mapped()
        channel, x, y = (np.asarray(events[f].variable.data) for f in ("channel", "x", "y"))

        def ours(names: list[str]) -> Callable[[], object]:
            return lambda: (bin_spectrum(events), bin_images(events, names, resolving_power=16e3))

        def theirs() -> None:
            np.bincount(channel)
            np.bincount(y.astype(np.int64) * 256 + x, minlength=65536)

        for names in (ions[:1], ions):
            rounds = [(seconds(ours(names)), seconds(theirs)) for _ in range(3)]
            a, b = (statistics.median(r[i] for r in rounds) for i in (0, 1))
            what = f"spectrum and {len(names)} images of {EVENTS / 1e6:.0f} million events"
            print(
                f"{what + ' / two numpy.bincount':56}  {1e3 * a:9.1f}  {1e3 * b:7.1f}  {a / b:5.2f}"
            )
        # In a process of its own: the cube of 200 scans is never in memory.
        code = (
            "import numpy as np\n"
            "from tofsims import bin_images, labelled_events\n"
            f"parts = [np.load('{folder}/' + n + '.npy', mmap_mode='r') "
            "for n in ('channel', 'x', 'y', 'scan')]\n"
            "e = labelled_events(*parts, shape=(256, 256), mass_scale=(0.0, 12000.0))\n"
            f"bin_images(e, {ions!r}, resolving_power=16e3)\n"
            "peak = next(l for l in open('/proc/self/status') if l.startswith('VmHWM'))\n"
            "print(peak.split()[1])"
        )
        peak = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        own = int(peak.stdout) / 2**20
        print(f"memory of 20 images of 256 x 256 x 200 scans: {own:.2f} GiB at most")


EVENTS = 50_000_000
PAIRS = {
    "band position and interval, 64 spectra / lmfit fit": band_position_and_lmfit,
    "normalise and smooth 256 x 256 x 500 / copy it": prepared_map_and_copy,
    "particles, cracks and interval / skimage sato alone": cracks_and_sato,
}
NEEDS_FILES = {
    "read IONTOF text, checked and hashed / pandas.read_csv": iontof_and_pandas,
    "read OMNIC .spa, checked and hashed / SpectroChemPy": omnic_and_spectrochempy,
}


def comparison_and_lmfit() -> None:
    """Two patterns of 3,000 points: whole comparison, beside lmfit with the same model.

    lmfit does the alignment alone (scale, displacement, broadening, 31 terms of background;
    counting noise known), and then what `compare_patterns` tells of every place: the height of a
    peak there, fitted with all of these, at one place in two widths.
    """
    import lmfit
    from numpy.polynomial import chebyshev
    from scipy.interpolate import CubicSpline

    from xrd import compare_patterns, simulate_pattern

    reference, sample = (simulate_pattern(s, step=0.025)[0] for s in (1, 2))
    x, a, b = reference["two_theta"].values, reference.values, sample.values
    spline, cosine = CubicSpline(x, a), np.cos(np.radians(x) / 2)
    basis = chebyshev.chebvander(2 * (x - x[0]) / (x[-1] - x[0]) - 1, 30)
    noise = np.sqrt(np.maximum(a + b, 1.0))
    names = [f"c{i}" for i in range(basis.shape[1])]

    def fit(place: float | None) -> lmfit.minimizer.MinimizerResult:
        start = lmfit.Parameters()
        start.add("scale", 1.0)
        start.add("displacement", 0.0)
        start.add("broadening", 0.0)
        for name in names:
            start.add(name, 0.0)
        if place is not None:
            start.add("height", 0.0)
            peak = 1 / (1 + ((x - place) / 0.06) ** 2)

        def residual(parameters: lmfit.Parameters) -> np.ndarray:
            p = parameters.valuesdict()
            at = np.clip(x - p["displacement"] * cosine, x[0], x[-1])
            model = p["scale"] * spline(at) + p["broadening"] * spline(at, 2)
            model = model + basis @ np.array([p[n] for n in names])
            if place is not None:
                model = model + p["height"] * peak
            return (b - model) / noise

        return lmfit.minimize(residual, start)

    places = np.arange(12.0, 83.0, 0.25)
    ours = statistics.median(seconds(lambda: compare_patterns(reference, sample)) for _ in range(9))
    alone = statistics.median(seconds(lambda: fit(None)) for _ in range(5))
    some = places[:: len(places) // 8]
    each = statistics.median(seconds(lambda p=p: fit(float(p))) for p in some)
    print(f"compare two patterns of {x.size} points / align them by lmfit: {ours / alone:.2f}")
    every = alone + places.size * each
    print(f"the same / lmfit at every place too ({places.size} places): {ours / every:.5f}")


def similarity_and_loop() -> None:
    """500 patterns against each other in one call, beside SciPy pair by pair."""
    from scipy.stats import pearsonr

    from xrd import simulate_pattern
    from xrd.comparing import similarity_matrix

    patterns = {str(s): simulate_pattern(s % 25)[0] for s in range(500)}
    values = [p.values for p in patterns.values()]
    pairs = [(i, j) for i in range(0, 500, 50) for j in range(0, 500, 25)]

    def loop() -> None:
        for i, j in pairs:
            pearsonr(values[i], values[j])

    theirs = statistics.median(seconds(loop) for _ in range(3)) / len(pairs) * 500 * 499 / 2
    for measure in ("pearson", "de_gelder"):
        call = statistics.median(
            seconds(lambda m=measure: similarity_matrix(patterns, measure=m)) for _ in range(3)
        )
        print(f"{measure} of 500 patterns / scipy.stats.pearsonr pair by pair: {call / theirs:.4f}")


def main() -> None:
    pairs = dict(PAIRS)
    if REFERENCE.is_dir():
        pairs |= NEEDS_FILES
    else:
        print(f"no real files at {REFERENCE}: reading is not timed")
    print(f"{'coatqc / peer':56}  coatqc ms  peer ms  ratio")
    for name, make in pairs.items():
        ours, theirs = make()
        seconds(ours), seconds(theirs)
        rounds = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
        a, b = (1e3 * statistics.median(r[i] for r in rounds) for i in (0, 1))
        ratio = statistics.median(x / y for x, y in rounds)
        print(f"{name:56}  {a:9.1f}  {b:7.1f}  {ratio:5.2f}")
    map_of_bands()
    events_and_bincount()
    comparison_and_lmfit()
    similarity_and_loop()


if __name__ == "__main__":
    main()
