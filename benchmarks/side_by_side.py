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


def cracks_and_sato() -> tuple[Callable[[], object], Callable[[], object]]:
    from skimage.filters import sato

    from imaging import find_cracks, simulate_sem

    image, _ = simulate_sem(1)
    values = image.values.astype(float)
    return lambda: find_cracks(image), lambda: sato(values, sigmas=(1, 2, 3))


def iontof_and_pandas() -> tuple[Callable[[], object], Callable[[], object]]:
    import pandas as pd

    from coatqc.core import read

    path = REFERENCE / "tofsims" / "N_Ru-Ir_Bi3_1.txt"
    return lambda: read(path), lambda: pd.read_csv(path, sep="\t", comment="#")


def omnic_and_spectrochempy() -> tuple[Callable[[], object], Callable[[], object]]:
    import spectrochempy as scp

    from coatqc.core import read

    path = REFERENCE / "ir" / "3-SILICA_0.SPA"
    return lambda: read(path), lambda: scp.read_spa(str(path))


PAIRS = {
    "band position and interval, 64 spectra / lmfit fit": band_position_and_lmfit,
    "particles, cracks and interval / skimage sato alone": cracks_and_sato,
}
NEEDS_FILES = {
    "read IONTOF text, checked and hashed / pandas.read_csv": iontof_and_pandas,
    "read OMNIC .spa, checked and hashed / SpectroChemPy": omnic_and_spectrochempy,
}


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


if __name__ == "__main__":
    main()
