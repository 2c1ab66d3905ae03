"""Work that is spread: the same answers to the bit, whoever computes them."""

from __future__ import annotations

import json
import os
import re
import time
from pathlib import Path

import pytest

from coatcore import MeasurementError
from coatcore.processes import spread
from coatqc.report import write_report
from coatqc.running.many_batches import run_batches
from coatqc.store.store import history
from imaging import simulate_sem
from imaging.write import write_zeiss_tiff

DEMO = Path(__file__).parents[2] / "data" / "demo"


@pytest.fixture(scope="module")
def cluster():
    """A scheduler with two workers in processes of their own."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2, threads_per_worker=2, dashboard_address=":0", processes=True
    ) as made:
        yield made.scheduler_address


def lost(item, why):
    return f"{item}: {why}"


def square_or_die(number):
    if number == 3:
        os._exit(1)
    return number**2


def process_of(number):
    time.sleep(0.3)
    return os.getpid()


def test_what_ends_its_process_is_told_and_nothing_else_is_lost():
    found = dict(spread(square_or_die, list(range(6)), jobs=2, lost=lost))
    assert {n: a for n, a in found.items() if n != 3} == {n: n**2 for n in (0, 1, 2, 4, 5)}
    assert "its process ended" in found[3]


@pytest.mark.parametrize("where", ["processes", "cluster"])
def test_work_is_done_by_two_at_once(where, request):
    address = request.getfixturevalue("cluster") if where == "cluster" else None
    found = [p for _, p in spread(process_of, list(range(8)), jobs=2, scheduler=address, lost=lost)]
    assert len(set(found)) == 2
    assert os.getpid() not in found


def test_a_cluster_that_is_none_is_named(monkeypatch):
    monkeypatch.setattr("coatcore.processes._PATIENCE", 1)
    for address, words in (("tcp://127.0.0.1:1", "does not answer"), ("oracle", "does not answer")):
        with pytest.raises(MeasurementError, match=words):
            list(spread(square_or_die, [1], scheduler=address, lost=lost))


def test_a_cluster_of_another_version_is_refused(cluster, monkeypatch):
    monkeypatch.setattr("coatcore.__version__", "99")
    with pytest.raises(MeasurementError, match=r"has coatqc .*, expected 99 as here"):
        list(spread(process_of, [1], scheduler=cluster, lost=lost))


def batches(folder):
    """Three batches with infrared spectra, a diffraction pattern, ToF-SIMS and images."""
    made = []
    for i in range(3):
        path = folder / f"{i}" / "batch.toml"
        path.parent.mkdir(parents=True)
        write_zeiss_tiff(simulate_sem(i, shape=(300, 400))[0], path.parent / "a.tif")
        lines = [
            f"schema_version = 1\nname = 'batch {i}'\n[samples.a]\nsem = 'a.tif'",
            f"ftir = {json.dumps(str(next(DEMO.glob('ftir/blend*'))))}",
            f"[samples.b]\nftir = {json.dumps(str(next(DEMO.glob('ftir/pvp*'))))}",
            "[[criteria]]\nquantity = 'sem.crack_area_fraction'\nsample = 'a'\nmax = 0.5",
            "[[criteria]]\nquantity = 'ftir.carbonyl_shift'\nsample = 'a'\nreference = 'b'",
            "max = -8",
        ]
        path.write_text("\n".join(lines) + "\n")
        made.append(path)
    return made


def bits(output):
    """All bytes of all reports, but for when they were made."""
    found = {}
    for path in sorted(output.glob("[!.]*/*")):
        content = path.read_bytes()
        if path.name == "ro-crate-metadata.json":
            continue  # holds checksums of the others, and so of when they were made
        started = json.loads((path.parent / "inputs.json").read_text())["summary"]["started"]
        found[str(path.relative_to(output))] = re.sub(
            re.escape(started.encode()), b"-" * len(started), content
        )
    return found


def test_results_are_the_same_to_the_bit_whatever_the_scheduler(cluster, tmp_path):
    files = batches(tmp_path / "in")
    made = {}
    for name, more in {
        "one": {},
        "two": {"jobs": 2},
        "cluster": {"scheduler": cluster},
    }.items():
        store = str(tmp_path / "a.sqlite")
        found = run_batches(files, tmp_path / name, write=write_report, store=store, **more)
        assert [Path(s.file) for s in found] == files
        assert not any(s.reason for s in found)
        made[name] = bits(tmp_path / name)
    assert len(made["one"]) >= 12
    for name in ("two", "cluster"):
        assert made[name].keys() == made["one"].keys()
        for path, content in made[name].items():
            assert content == made["one"][path], (name, path)
    # The same record is not added again.
    assert len(history(tmp_path / "a.sqlite")) == 6
