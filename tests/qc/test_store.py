"""The results store: SQLite always, and a real PostgreSQL that is started here."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import sqlite3
import subprocess
import sys

import pandas as pd
import pytest
import sqlalchemy as sa

from coatcore import StoreError
from coatqc.judging import run_batch
from coatqc.recipes import Batch
from coatqc.store.store import history, record
from coatqc.store.store_tables import RUNS
from imaging import simulate_sem
from imaging.write import write_zeiss_tiff


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    """A store that is empty."""
    if request.param == "sqlite":
        return tmp_path / "results.sqlite"
    url, _ = request.getfixturevalue("postgresql")
    engine = sa.create_engine(url)
    name = f"t{abs(hash(str(tmp_path)))}"
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return url.replace("/postgres", f"/{name}").replace("postgresql", "postgresql", 1)


def test_results_come_back_in_order_and_once(store, batch_result):
    for i, value in enumerate((0.02, 0.031, 0.05)):
        assert record(batch_result(f"batch {i}", value), store)
    assert not record(batch_result("batch 1", 0.031), store)
    table = history(store)
    assert table["batch"].tolist() == ["batch 0", "batch 1", "batch 2"]
    assert table["value"].tolist() == [0.02, 0.031, 0.05]
    assert table["verdict"].tolist() == ["pass", "inconclusive", "fail"]
    assert table["maximum"].tolist() == [0.03] * 3
    assert len(history(store, batch="batch 1", quantity="sem.crack_area_fraction")) == 1
    assert len(history(store, sample="b")) == 0
    assert isinstance(table, pd.DataFrame)


def test_records_are_never_changed_or_deleted(store, batch_result):
    record(batch_result("a", 0.02), store)
    url = store if isinstance(store, str) else sa.URL.create("sqlite", database=str(store))
    engine = sa.create_engine(url)
    for change in (RUNS.update().values(verdict="fail"), RUNS.delete()):
        with pytest.raises(sa.exc.DBAPIError, match="never changed"), engine.begin() as connection:
            connection.execute(change)
    engine.dispose()
    assert history(store)["verdict"].tolist() == ["pass"]


def test_hostile_names_are_kept_as_words(store, batch_result):
    name = "'); DROP TABLE coatqc_runs; -- <script>\u202e 💥" + "x" * 100
    record(batch_result(name, 0.02), store)
    assert history(store)["batch"].tolist() == [name]


def test_a_failed_measurement_is_recorded_too(store):
    raw = {
        "schema_version": 1,
        "name": "a",
        "samples": {"a": {"sem": "absent\ud800.tif"}},
        "criteria": [{"quantity": "sem.crack_area_fraction", "sample": "a", "max": 1}],
    }
    result = run_batch(Batch(**{**raw, "samples": {"a": {"sem": "absent.tif"}}}))
    assert record(result, store)
    (row,) = history(store).to_dict("records")
    assert row["verdict"] == "not measured"
    assert "no such file" in row["error"]


def _write(store, results):
    for result in results:
        record(result, store)


def test_writers_at_once_neither_fail_nor_double(store, batch_result):
    results = [batch_result(f"batch {i}", 0.02) for i in range(15)]
    context = multiprocessing.get_context("spawn")
    parts = [(results * 2)[start : start + 10] for start in (0, 5, 10)]
    workers = [context.Process(target=_write, args=(store, part)) for part in parts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [w.exitcode for w in workers] == [0, 0, 0]
    assert sorted(history(store)["batch"]) == sorted(f"batch {i}" for i in range(15))


def test_a_server_that_was_restarted_serves_on(postgresql, batch_result):
    url, control = postgresql
    record(batch_result("before", 0.02), url)
    control("stop")
    with pytest.raises(StoreError, match="nothing was lost"):
        record(batch_result("while", 0.02), url)
    control("start")
    assert record(batch_result("while", 0.02), url)
    assert history(url)["batch"].tolist() == ["before", "while"]


def test_what_is_no_store_is_named(tmp_path, batch_result):
    result = batch_result("a", 0.02)
    (tmp_path / "notes.txt").write_text("my notes, and no database at all " * 40)
    for where, words in (
        (tmp_path / "notes.txt", "not a database"),
        (tmp_path / "absent" / "a.sqlite", "unable to open"),
        (tmp_path, "unable to open"),
        ("oracles://a/b", "no such kind|plugin"),
        ("://", "no path and no URL"),
    ):
        with pytest.raises(StoreError, match=words):
            record(result, where)
    # Reading makes no tables in a database of something else.
    other = tmp_path / "other.sqlite"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE mine (a)")
    before = other.read_bytes()
    with pytest.raises(StoreError, match="no results of coatqc"):
        history(other)
    assert other.read_bytes() == before
    with pytest.raises(StoreError, match="no such store"):
        history(tmp_path / "absent.sqlite")


def test_command_line(tmp_path):
    def run(*words):
        command = [sys.executable, "-m", "coatqc.cli", *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    batch = tmp_path / "batch.toml"
    batch.write_text(
        'schema_version = 1\nname = "A7"\n[samples.a]\nsem = "a.tif"\n[[criteria]]\n'
        'quantity = "sem.crack_area_fraction"\nsample = "a"\nmax = 0.05\n'
    )
    write_zeiss_tiff(simulate_sem(2)[0], tmp_path / "a.tif")
    store = tmp_path / "results.sqlite"
    first = run("report", batch, "-o", tmp_path / "out", "--store", store)
    assert first.returncode == 0, first.stderr
    assert "recorded in" in first.stdout
    again = run("report", batch, "-o", tmp_path / "out", "--store", store)
    assert "recorded before" in again.stdout
    listed = run("history", store)
    assert "crack area fraction of a" in listed.stdout
    assert "pass" in listed.stdout
    csv = pd.read_csv(io.StringIO(run("history", store, "--csv").stdout))
    assert csv["value"].tolist() == history(store)["value"].tolist()
    absent = run("history", tmp_path / "no.sqlite")
    assert absent.returncode == 4
    assert "no such store" in absent.stderr
    assert "Traceback" not in absent.stderr
