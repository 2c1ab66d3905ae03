"""Byte-level mutations of real files: a ReadError or a valid object, in bounded time and memory."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import resource
import signal
import zipfile
from pathlib import Path

import numpy as np
import pytest

from coatqc.core import ReadError, read, validate

MUTATIONS = int(os.environ.get("COATQC_FUZZ_MUTATIONS", "2000"))
SECONDS, BYTES = 5, 2**30
LARGEST = 3_000_000


def _files(reference: Path, folder: Path) -> list[Path]:
    for archive in ("tiff_Zeiss_SEM", "tiff_FEI_Helios", "TVIPS_bin4"):
        with zipfile.ZipFile(reference / "imaging" / f"{archive}.zip") as file:
            file.extractall(folder)
    found = [*folder.glob("*.tif")]
    for name in ("ir", "xrd", "tofsims"):
        found += [p for p in sorted((reference / name).rglob("*")) if p.is_file()]
    return [p for p in sorted(found) if 0 < p.stat().st_size <= LARGEST]


def _mutated(raw: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(raw)
    for _ in range(int(rng.integers(1, 9))):
        # Headers break parsers; most mutations go there.
        end = len(data) if rng.random() < 0.4 else min(len(data), 2048)
        at = int(rng.integers(0, max(1, end)))
        choice = rng.integers(0, 5)
        if choice == 0:
            data[at : at + 1] = bytes([int(rng.integers(0, 256))])
        elif choice == 1:
            data[at : at + 4] = b"\xff\xff\xff\x7f"
        elif choice == 2:
            del data[at : at + int(rng.integers(1, 64))]
        elif choice == 3:
            data[at:at] = bytes(rng.integers(0, 256, int(rng.integers(1, 64)), dtype=np.uint8))
        else:
            del data[max(1, at) :]
        if not data:
            return b"\x00"
    return bytes(data)


def _work(files: list[Path], seeds: range, folder: str) -> list[str]:
    """What went wrong, in words; runs in a process of its own with a bound on memory."""
    import spectrochempy  # noqa: F401  its import is not what is timed

    for path in files[:60:7]:
        try:
            read(path)
        except ReadError:
            continue
    with open("/proc/self/statm") as statm:  # noqa: PTH123
        used = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))

    def too_slow(*_: object) -> None:
        raise BaseException("slower than 5 s")

    signal.signal(signal.SIGALRM, too_slow)
    wrong = []
    for seed in seeds:
        rng = np.random.default_rng(seed)
        source = files[int(rng.integers(0, len(files)))]
        path = Path(folder) / f"{seeds.start}{source.suffix}"
        path.write_bytes(_mutated(source.read_bytes(), rng))
        signal.alarm(SECONDS)
        try:
            problems = validate(read(path))
        except ReadError:
            problems = []
        except BaseException as error:
            problems = [f"{type(error).__name__}: {error}"]
        signal.alarm(0)
        if problems:
            wrong.append(f"seed {seed}, {source.name}: {problems}")
    return wrong


@pytest.mark.fuzz
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="bounds memory as Linux does")
def test_mutated_files(reference, tmp_path):
    files = _files(reference, tmp_path)
    assert len(files) > 100
    workers = 2
    edges = np.linspace(0, MUTATIONS, workers + 1).astype(int)
    parts = [range(a, b) for a, b in itertools.pairwise(edges)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        wrong = pool.starmap(_work, [(files, part, str(tmp_path)) for part in parts])
    assert [w for part in wrong for w in part] == []
