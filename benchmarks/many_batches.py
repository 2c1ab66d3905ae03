"""Throughput, memory and overhead of many batches: ``python many_batches.py [BATCHES]``.

Each batch holds six infrared spectra and an electron micrograph, judged on a carbonyl shift and a
crack area fraction. The same batches are run in one process, in two, and on a local cluster of
dask.distributed with two workers. Overhead is what a run takes beyond measuring (reading files
and estimating) and beyond writing reports, as measured within the same run.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

import coatqc.running.one_batch as whole
from coatqc.report import write_report
from coatqc.running.many_batches import run_batches
from coatqc.store.store import history
from imaging import simulate_sem
from imaging.write import write_zeiss_tiff

DEMO = Path(__file__).parents[1] / "data" / "demo" / "ftir"
IMAGES = 20


def make(folder: Path, number: int) -> list[Path]:
    images = [folder / f"{i}.tif" for i in range(IMAGES)]
    for i, image in enumerate(images):
        write_zeiss_tiff(simulate_sem(i, shape=(512, 512))[0], image)
    made = []
    for i in range(number):
        path = folder / "in" / str(i) / "batch.toml"
        path.parent.mkdir(parents=True)
        for source in (images[i % IMAGES], *DEMO.glob("blend_*"), *DEMO.glob("pvp_*")):
            (path.parent / source.name).symlink_to(source)
        path.write_text(
            f"schema_version = 1\nname = 'batch {i}'\n"
            f"[samples.coated]\nsem = '{images[i % IMAGES].name}'\nftir = 'blend_*'\n"
            "[samples.pvp]\nftir = 'pvp_*'\n"
            "[[criteria]]\nquantity = 'sem.crack_area_fraction'\nsample = 'coated'\nmax = 0.5\n"
            "[[criteria]]\nquantity = 'ftir.carbonyl_shift'\nsample = 'coated'\n"
            "reference = 'pvp'\nmax = -8\n"
        )
        made.append(path)
    return made


class Peak:
    """Largest resident memory of this process and its children, of each and together."""

    def __enter__(self) -> Peak:
        self.each = self.together = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        me = psutil.Process()
        while not self._end.wait(0.5):
            sizes = []
            for process in (me, *me.children(recursive=True)):
                try:
                    sizes.append(process.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue
            self.each = max(self.each, *sizes)
            self.together = max(self.together, sum(sizes))

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


class Clock:
    """Time spent in a function."""

    def __init__(self, function):
        self.function, self.seconds = function, 0.0

    def __call__(self, *args, **kwargs):
        began = time.perf_counter()
        try:
            return self.function(*args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - began


def main(number: int) -> None:
    folder = Path(tempfile.mkdtemp())
    few = max(2, number // 4)
    try:
        files = make(folder, number)
        # Imports and caches are not the batches'.
        run_batches(files[:2], folder / "warm", write=write_report, store=str(folder / "warm.db"))
        measuring, writing = Clock(whole.run_batch), Clock(write_report)
        whole.run_batch = measuring
        print(f"{'':24}{'batches':>8}{'s':>9}{'s/batch':>9}{'peak MB':>9}{'of one':>8}")
        one = timed("one process", files[:few], folder / "one", write=writing)
        overhead = (one - measuring.seconds - writing.seconds) / measuring.seconds
        print(
            f"of which measuring {measuring.seconds:.1f} s, reports {writing.seconds:.1f} s; "
            f"overhead {100 * overhead:.1f} % of measuring"
        )
        again = timed("the same again", files[:few], folder / "one", write=writing)
        two = timed("two processes", files[:few], folder / "two", write=write_report, jobs=2)
        from distributed import LocalCluster

        with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster:
            spread = timed(
                "cluster of two workers",
                files[:few],
                folder / "cluster",
                write=write_report,
                scheduler=cluster.scheduler_address,
            )
        print(
            f"speed-up on two processes {one / two:.2f}, on the cluster {one / spread:.2f}; "
            f"going on where all is done takes {1000 * again / few:.1f} ms a batch"
        )
        timed("two processes", files, folder / "all", write=write_report, jobs=2, parts=4)
    finally:
        shutil.rmtree(folder)


def timed(name: str, files: list[Path], output: Path, *, parts: int = 1, **more) -> float:
    """Time a run, and show it; in parts, as they are done."""
    store = output.with_suffix(".sqlite")
    began = time.perf_counter()
    shown = 0
    with Peak() as peak:

        def progress(what: str, done: int, total: int) -> None:
            nonlocal shown
            if done * parts >= (shown + 1) * total:
                shown += 1
                seconds = time.perf_counter() - began
                print(
                    f"{name:24}{done:8}{seconds:9.1f}{seconds / done:9.3f}"
                    f"{peak.together / 1e6:9.0f}{peak.each / 1e6:8.0f}",
                    flush=True,
                )

        found = run_batches(files, output, store=str(store), progress=progress, **more)
    assert not any(each.reason for each in found)
    assert len(history(store)) == 2 * len(files)
    for each in found:
        json.loads((output / each.folder / "report.json").read_text())
    return time.perf_counter() - began


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
