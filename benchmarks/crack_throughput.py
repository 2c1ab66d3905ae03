"""How many particles a minute, cracks and all, from files of images whose pixels differ in size?

One set of simulated cross-sections is coarsened, so that the particles stay and the pixels across
them get fewer. Files are read, measured and handed back by as many processes as processors.

    python benchmarks/crack_throughput.py [images]
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from imaging import find_cracks_in_files, simulate_sem
from imaging.labels.labels import labelled_image
from imaging.write import write_zeiss_tiff

PIXEL = 20.0


def main(n: int) -> None:
    fine = [simulate_sem(seed, shape=(1536, 2048))[0].values.astype(float) for seed in range(n)]
    folder = Path(tempfile.mkdtemp())
    print(f"{os.cpu_count()} processors")
    for k in (1, 2, 3):
        paths = []
        for i, values in enumerate(fine):
            ny, nx = (size // k * k for size in values.shape)
            blocks = values[:ny, :nx].reshape(ny // k, k, nx // k, k)
            coarse = blocks.mean(axis=(1, 3)).round().astype(np.uint16)
            # As many pixels as before, of further particles of the same kind.
            coarse = np.tile(coarse, (k, k))
            paths.append(folder / f"{k}_{i}.tif")
            write_zeiss_tiff(labelled_image(coarse, (PIXEL * k, PIXEL * k)), paths[-1])
        start = time.perf_counter()
        files = find_cracks_in_files(paths)
        seconds = time.perf_counter() - start
        tables = [c.particles for c in files.found.values()]
        particles = sum(map(len, tables))
        cracks = sum(int(t["cracks"].sum()) for t in tables)
        across = np.concatenate([t["equivalent diameter / nm"] for t in tables])
        print(
            f"{np.median(across) / PIXEL / k:4.0f} pixels across: {60 * particles / seconds:6.0f} "
            f"particles a minute ({particles} particles, {cracks} cracks, {seconds:.1f} s)"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
