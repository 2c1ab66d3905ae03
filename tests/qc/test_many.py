"""Many batches: reports whole or not at all, nothing done twice, a bad batch loses only itself."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess

import pytest

from coatcore import MeasurementError, StoreError
from coatqc.report import write_report
from coatqc.running.many_batches import run_batches
from coatqc.store.store import history
from imaging import simulate_sem
from imaging.write import write_zeiss_tiff

REPORT = {"report.html", "report.json", "results.nc", "inputs.json", "ro-crate-metadata.json"}


@pytest.fixture
def batches(tmp_path):
    """Five batches; the names of two are hostile."""
    made = []
    names = ["A1", "A2", "../../etc/passwd", "<b>\u202e x/y", "A1"]
    for i, name in enumerate(names):
        folder = tmp_path / "in" / str(i)
        folder.mkdir(parents=True)
        write_zeiss_tiff(simulate_sem(i, shape=(300, 400))[0], folder / "a.tif")
        path = folder / "batch.toml"
        path.write_text(
            f"schema_version = 1\nname = {json.dumps(name)}\n[samples.a]\nsem = 'a.tif'\n"
            "[[criteria]]\nquantity = 'sem.crack_area_fraction'\nsample = 'a'\nmax = 0.5\n"
        )
        made.append(path)
    return made


def whole(output):
    """Folders of reports, each of which must hold everything."""
    folders = sorted(p for p in output.iterdir() if not p.name.startswith("."))
    for folder in folders:
        assert {p.name for p in folder.iterdir()} == REPORT, folder
        json.loads((folder / "report.json").read_text())
    return folders


def test_each_batch_has_its_report_and_none_is_done_twice(batches, tmp_path):
    output, store = tmp_path / "out", str(tmp_path / "results.sqlite")
    told = []
    found = run_batches(
        [*batches, batches[0], tmp_path / "absent.toml"],
        output,
        write=write_report,
        store=store,
        jobs=2,
        progress=lambda *a: told.append(a),
    )
    assert [s.verdict for s in found] == ["pass"] * 5 + ["not measured"]
    assert "no such file" in found[-1].reason
    assert [t[1:] for t in told] == [(i, 6) for i in range(1, 7)]
    assert len(whole(output)) == 5
    assert {p.name for p in tmp_path.iterdir()} == {"in", "out", "results.sqlite"}
    assert len(history(store)) == 5
    again = run_batches(batches, output, write=write_report, store=store)
    assert all(s.reused for s in again)
    # What has changed is done anew, the rest not.
    write_zeiss_tiff(simulate_sem(9, shape=(300, 400))[0], batches[1].parent / "a.tif")
    third = run_batches(batches, output, write=write_report, store=store)
    assert [s.reused for s in third] == [True, False, True, True, True]
    assert len(history(store)) == 6
    assert len(whole(output)) == 5


def test_what_cannot_be_written_is_named(batches, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(MeasurementError, match="cannot be written"):
        run_batches(batches, tmp_path / "file", write=write_report)
    with pytest.raises(MeasurementError, match="jobs"):
        run_batches(batches, tmp_path / "out", write=write_report, jobs=0)


def test_a_full_disk_is_told_and_the_work_goes_on_when_there_is_room(batches, tmp_path):
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("mounting needs root")
    output, store = tmp_path / "out", str(tmp_path / "a.sqlite")
    output.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(output)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with contextlib.suppress(OSError), (output / "filling").open("wb") as file:
            file.write(b"x" * 5_900_000)
        found = run_batches(batches, output, write=write_report, store=store)
        assert {s.blame for s in found} == {"place"}
        assert all("No space left on device; " in s.reason.replace(")", "") for s in found)
        assert not [p for p in output.iterdir() if p.name not in ("filling", ".locks")]
        (output / "filling").unlink()
        again = run_batches(batches[:2], output, write=write_report, store=store)
        assert [s.verdict for s in again] == ["pass"] * 2
        assert len(history(store)) == 2
    finally:
        subprocess.run(["umount", str(output)], check=True)


def test_a_store_that_is_locked_is_told_before_anything_is_measured(batches, tmp_path, monkeypatch):
    monkeypatch.setattr("coatqc.store.store_access._PATIENCE", 0.2)
    store = tmp_path / "a.sqlite"
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked"):
            run_batches(batches, tmp_path / "out", write=write_report, store=str(store))
        assert not list((tmp_path / "out").glob("[!.]*"))
        connection.execute("ROLLBACK")
    found = run_batches(batches[:1], tmp_path / "out", write=write_report, store=str(store))
    assert found[0].verdict == "pass"
