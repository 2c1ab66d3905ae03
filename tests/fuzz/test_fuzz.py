"""Byte-level mutations of real files: a ReadError or a valid object, in bounded time and memory."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import multiprocessing
import os
import resource
import shutil
import signal
import zipfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from coatcore import ReadError, read, validate
from coatcore.reading.registry import _start_of, readers

# For each reader.
MUTATIONS = int(os.environ.get("COATQC_FUZZ_MUTATIONS", "1000"))
SECONDS, BYTES = 5, 2**30
LARGEST = 3_000_000
# Records of a cycler may have any number of rows, which are all alike.
LONGEST_TABLE = 200_000


def _module(name: str, folder: str = "spectra") -> ModuleType:
    """A neighbouring test module, for the files that it knows how to write."""
    path = Path(__file__).parents[1] / folder / f"{name}.py"
    spec = importlib.util.spec_from_file_location(f"fuzz_{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _files(reference: Path, folder: Path) -> dict[str, list[Path]]:
    """Files of each reader: real ones, and written ones of formats of which there is none."""
    for archive in ("tiff_Zeiss_SEM", "tiff_FEI_Helios", "TVIPS_bin4"):
        with zipfile.ZipFile(reference / "imaging" / f"{archive}.zip") as file:
            file.extractall(folder)
    found = [*folder.glob("*.tif")]
    for name in ("ir", "xrd", "tofsims"):
        found += [p for p in sorted((reference / name).rglob("*")) if p.is_file()]
    for name, raw in _module("test_binary_readers").SPC.items():
        found.append(folder / f"{name}.spc")
        found[-1].write_bytes(raw)
    jcamp = _module("test_jcamp")
    for form in jcamp.FORMS:
        found.append(folder / f"{form}.dx")
        found[-1].write_text(jcamp.spectrum_file(form)[0])
    found.append(folder / "map.txt")
    found[-1].write_text(_module("test_neaspec").nea(3, 2))
    found.append(folder / "grid.txt")
    found[-1].write_text("# Width: 2.0 µm\n" + "1.5 2.5 3.5 4.5\n" * 6)
    for name in ("test_readers", "test_open_readers"):
        (folder / name).mkdir()
        found += _module(name, "tofsims").write_examples(folder / name)
    found += [
        p for p in sorted((reference / "imaging").iterdir()) if p.suffix[:3] in (".dm", ".em")
    ]
    (folder / "imaging").mkdir()
    found += _module("test_image_readers", "imaging").write_examples(folder / "imaging")
    (folder / "xrd").mkdir()
    found += _module("test_xrd_readers", "xrd").write_examples(folder / "xrd")
    found += [
        p
        for p in sorted((reference / "electrochem").iterdir())
        if p.stat().st_size < LONGEST_TABLE or p.suffix == ".res"
    ]
    (folder / "electrochem").mkdir()
    found += _module("test_cycling_readers", "electrochem").write_examples(folder / "electrochem")
    groups: dict[str, list[Path]] = {}
    for path in sorted(found):
        # The real one is packed, and its checksum finds every change.
        if 0 < path.stat().st_size <= LARGEST and path.name != "tofsimsData.rda":
            start = _start_of(path)
            for reader in readers():
                if reader.recognises(start):
                    groups.setdefault(reader.name, []).append(path)
    return groups


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


def _write_mutated(source: Path, path: Path, rng: np.random.Generator) -> None:
    """A mutation of a file; of an imzML, also of its .ibd; of a folder, of one file in it."""
    if source.is_dir():
        shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(source, path)
        inside = sorted(p for p in path.rglob("*") if p.is_file())
        source = path = inside[int(rng.integers(0, len(inside)))]
    data = source.with_suffix(".ibd")
    if data.exists():
        raw = data.read_bytes()
        path.with_suffix(".ibd").write_bytes(_mutated(raw, rng) if rng.random() < 0.3 else raw)
        if rng.random() < 0.3:
            path.write_bytes(source.read_bytes())
            return
    path.write_bytes(_mutated(source.read_bytes(), rng))


def _kind(reader: str) -> str | None:
    """Readers of the spectrum in a file of images are taken only where it is asked for."""
    return "mass_spectrum" if reader.endswith("_spectrum") else None


def _work(groups: dict[str, list[Path]], seeds: range, folder: str) -> list[str]:
    """What went wrong, in words; runs in a process of its own with a bound on memory."""
    # What readers import is not what is timed.
    for name, files in groups.items():
        with contextlib.suppress(ReadError):
            read(files[0], kind=_kind(name))
    with open("/proc/self/statm") as statm:  # noqa: PTH123
        used = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + BYTES, used + BYTES))

    def too_slow(*_: object) -> None:
        raise BaseException("slower than 5 s")

    signal.signal(signal.SIGALRM, too_slow)
    wrong = []
    for seed, (name, files) in itertools.product(seeds, groups.items()):
        rng = np.random.default_rng(seed)
        source = files[int(rng.integers(0, len(files)))]
        path = Path(folder) / f"{seeds.start}{source.suffix}"
        _write_mutated(source, path, rng)
        signal.alarm(SECONDS)
        try:
            problems = validate(read(path, kind=_kind(name)))
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
    groups = _files(reference, tmp_path)
    assert set(groups) == {r.name for r in readers()}
    workers = 2
    edges = np.linspace(0, MUTATIONS, workers + 1).astype(int)
    parts = [range(a, b) for a, b in itertools.pairwise(edges)]
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        wrong = pool.starmap(_work, [(groups, part, str(tmp_path)) for part in parts])
    assert [w for part in wrong for w in part] == []
