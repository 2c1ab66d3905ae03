"""A watched folder: each batch once, whatever goes wrong beside it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from coatcore import MeasurementError
from coatqc.report import write_report
from coatqc.running.log import open_log
from coatqc.running.notify import Hooks
from coatqc.running.quarantine import FOLDER
from coatqc.running.watch import Pace, watch
from coatqc.store import store_access as store_module
from coatqc.store.store import history
from imaging import simulate_sem
from imaging.write import write_zeiss_tiff

HERE = Path(__file__).parent
AT_ONCE = Pace(settle=0.0, interval=0.02)


def put(folder, name, seed=1, **more):
    """A batch of one image in a folder of its own."""
    path = folder / f"{seed}" / "batch.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_zeiss_tiff(simulate_sem(seed, shape=(150, 200))[0], path.parent / "a.tif")
    path.write_text(
        f"schema_version = 1\nname = {json.dumps(name)}\n[samples.a]\nsem = 'a.tif'\n"
        "[[criteria]]\nquantity = 'sem.crack_area_fraction'\nsample = 'a'\nmax = 0.5\n"
        + more.get("end", "")
    )
    return path


class Told(list):
    """Events of a log, with their facts."""

    def __call__(self, event, **facts):
        self.append((event, {k: str(v) for k, v in facts.items()}))

    def of(self, event):
        return [facts for name, facts in self if name == event]


def seen(tmp_path, **more):
    """What one pass over the folder tells."""
    told = Told()
    more.setdefault("write", write_report)
    well = watch(tmp_path / "in", tmp_path / "out", log=told, pace=AT_ONCE, once=True, **more)
    told.well = well
    return told


@contextlib.contextmanager
def watching(tmp_path, **more):
    """A watch that goes on in a thread."""
    told, end = Told(), threading.Event()
    more.setdefault("write", write_report)

    def run():
        more.setdefault("pace", AT_ONCE)
        watch(tmp_path / "in", tmp_path / "out", log=told, stopped=end.is_set, **more)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield told
    finally:
        end.set()
        thread.join(60)
        assert not thread.is_alive()


def until(true, seconds=60.0):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it has not come in time"
        time.sleep(0.05)


def reports(output):
    return sorted(p for p in output.glob("[!.]*") if p.name not in (FOLDER, "overview.html"))


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr("coatqc.running.watch._SOON", 0.1)


def test_each_batch_is_measured_once(tmp_path):
    put(tmp_path / "in", "A1", 1)
    put(tmp_path / "in", "../../A2 <b>", 2)
    store = str(tmp_path / "results.sqlite")
    first = seen(tmp_path, store=store)
    assert first.well
    assert sorted(f["batch"] for f in first.of("finished")) == ["../../A2 <b>", "A1"]
    assert not seen(tmp_path, store=store).of("finished")
    assert len(reports(tmp_path / "out")) == len(history(store)) == 2
    assert {p.name for p in tmp_path.iterdir()} == {"in", "out", "results.sqlite"}
    # A changed batch file is a new batch.
    put(tmp_path / "in", "A1", 1, end="# again\n")
    assert [f["batch"] for f in seen(tmp_path, store=store).of("finished")] == ["A1"]
    assert len(history(store)) == 3


def test_a_bad_batch_goes_to_quarantine_and_comes_out_when_mended(tmp_path):
    good, broken, unread = (put(tmp_path / "in", f"A{i}", i) for i in (1, 2, 3))
    broken.write_text("schema_version = 1\nname = ")
    (unread.parent / "a.tif").write_bytes(b"no image")
    told = seen(tmp_path)
    assert [f["batch"] for f in told.of("finished")] == ["A1", "A3"]
    reasons = {Path(f["file"]): f["reason"] for f in told.of("quarantined")}
    assert "is not valid TOML" in reasons[broken]
    assert "a.tif" in reasons[unread]
    held = tmp_path / "out" / FOLDER
    words = [p.read_text() for p in sorted(held.glob("*/reason.txt"))]
    assert len(words) == 2
    assert any("is not valid TOML" in w for w in words)
    # Its own files stay where they are.
    assert broken.exists()
    assert not seen(tmp_path).of("quarantined")
    # Mended under another name.
    put(tmp_path / "in", "B2", 2)
    put(tmp_path / "in", "A3", 3)
    told = seen(tmp_path)
    assert sorted(f["batch"] for f in told.of("finished")) == ["A3", "B2"]
    assert len(told.of("mended")) == 2
    assert not list(held.iterdir())
    assert not seen(tmp_path).of("finished")
    assert good.exists()


def _write_or_die(result, folder, earlier=None):
    if result.batch.name == "poison":
        os._exit(9)
    return write_report(result, folder, earlier)


def test_a_batch_that_ends_its_process_ends_no_other(tmp_path):
    for i, name in enumerate(("A1", "poison", "A3"), start=1):
        put(tmp_path / "in", name, i)
    told = seen(tmp_path, write=_write_or_die, jobs=2)
    assert sorted(f["batch"] for f in told.of("finished")) == ["A1", "A3"]
    (bad,) = told.of("quarantined")
    assert "its process ended before the work was done" in bad["reason"]
    assert not seen(tmp_path, write=_write_or_die).of("quarantined")


def test_a_folder_that_cannot_be_written_is_waited_for(tmp_path):
    put(tmp_path / "in", "A1")
    (tmp_path / "out").write_text("in the way")
    with watching(tmp_path) as told:
        until(lambda: told.of("trouble"))
        assert "out: cannot be written" in told.of("trouble")[0]["reason"]
        (tmp_path / "out").unlink()
        until(lambda: told.of("finished"))
    assert told.of("resumed")
    assert len(reports(tmp_path / "out")) == 1


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="needs root to be another")
def test_rights_that_are_wanting_are_waited_for(tmp_path):
    put(tmp_path / "in", "A1")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o055)
    (tmp_path / "out").mkdir(mode=0o755)
    told = Told()
    end = threading.Event()
    more = {"write": write_report, "log": told, "pace": AT_ONCE, "stopped": end.is_set}
    thread = threading.Thread(target=watch, args=(tmp_path / "in", tmp_path / "out"), kwargs=more)
    # Nobody may write there.
    os.seteuid(65534)
    try:
        thread.start()
        until(lambda: told.of("trouble"))
    finally:
        os.seteuid(0)
    assert "Permission denied" in told.of("trouble")[0]["reason"]
    try:
        until(lambda: told.of("finished"))
    finally:
        end.set()
        thread.join(60)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_is_waited_for(tmp_path):
    put(tmp_path / "in", "A1")
    output = tmp_path / "out"
    output.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(output)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with contextlib.suppress(OSError), (output / "filling").open("wb") as file:
            file.write(b"x" * 1_900_000)
            file.flush()
        with watching(tmp_path) as told:
            until(lambda: told.of("trouble"))
            assert "No space left on device" in told.of("trouble")[0]["reason"]
            (output / "filling").unlink()
            until(lambda: told.of("finished"))
        assert not told.of("quarantined")
        assert {p.name for p in output.iterdir() if p.name[0] == "."} == {".locks"}
    finally:
        subprocess.run(["umount", str(output)], check=True)


def test_a_locked_store_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "_PATIENCE", 0.2)
    put(tmp_path / "in", "A1")
    store = tmp_path / "results.sqlite"
    with contextlib.closing(sqlite3.connect(store, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        with watching(tmp_path, store=str(store)) as told:
            until(lambda: told.of("trouble"))
            assert "database is locked" in told.of("trouble")[0]["reason"]
            connection.execute("ROLLBACK")
            until(lambda: told.of("finished"))
    assert len(history(store)) == 1


def test_a_server_that_is_restarted_is_waited_for(tmp_path, postgresql):
    import sqlalchemy as sa

    url, control = postgresql
    engine = sa.create_engine(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("CREATE DATABASE watched"))
    engine.dispose()
    store = url.replace("/postgres", "/watched")
    put(tmp_path / "in", "A1", 1)
    with watching(tmp_path, store=store) as told:
        until(lambda: told.of("finished"))
        control("stop")
        put(tmp_path / "in", "A2", 2)
        until(lambda: told.of("trouble"))
        control("start")
        until(lambda: len(told.of("finished")) == 2)
    assert history(store)["batch"].tolist() == ["A1", "A2"]
    # Nothing that is kept tells the password that a URL may hold.
    kept = "".join(p.read_text() for p in (tmp_path / "out").glob("*/inputs.json"))
    assert "coatqc@" not in kept


@pytest.fixture
def server():
    """A webhook that answers what it is told to, and keeps what it was sent."""
    got, answers = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.headers["Idempotency-Key"], json.loads(body)))
            self.send_response(answers.pop(0) if answers else 200)
            self.end_headers()

        def log_message(self, *args):
            pass

    http = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}/secret", got, answers
    http.shutdown()
    thread.join()


def test_a_webhook_and_a_command_are_told_also_when_they_fail_at_first(tmp_path, server):
    url, got, answers = server
    answers += [500, 500]
    put(tmp_path / "in", "A1 \u202e<script>", 1)
    bad = put(tmp_path / "in", "A2", 2)
    bad.write_text("schema_version = 1\n[samples.a]\n")
    script = tmp_path / "told.py"
    script.write_text(
        "import os, sys, json\n"
        "with open(sys.argv[1], 'a') as f:\n"
        "    f.write(json.dumps([os.environ['COATQC_VERDICT'], json.load(sys.stdin)]) + chr(10))\n"
    )
    command = f"{sys.executable} {script} {tmp_path / 'lines'}"
    with watching(tmp_path, hooks=Hooks(webhook=url, command=command)) as told:
        until(lambda: len(told.of("told")) == 2)
    assert any("answers 500" in f["reason"] for f in told.of("not told"))
    assert "secret" not in str(told)
    lines = [json.loads(line) for line in (tmp_path / "lines").read_text().splitlines()]
    # The command succeeded at once, and is not told again for the webhook's sake.
    assert sorted(message["batch"] for _, message in lines) == ["", "A1 \u202e<script>"]
    assert [v for v, message in lines if not message["batch"]] == ["not measured"]
    posted = {m["batch"]: (key, m) for key, m in got}
    assert posted["A1 \u202e<script>"][1]["report"].endswith("report.html")
    assert Path(posted["A1 \u202e<script>"][1]["report"]).exists()
    assert all(len(key) == 32 for key, _ in got)
    assert len({key for key, _ in got}) == 2
    assert "name: is missing" in next(m["reason"] for _, m in got if m["reason"])
    # Nothing is told twice after that.
    with watching(tmp_path, hooks=Hooks(webhook=url, command=command)):
        time.sleep(0.5)
    assert len(lines) == len((tmp_path / "lines").read_text().splitlines())
    assert not list((tmp_path / "out").glob("**/untold.json"))


def test_hooks_are_checked():
    with pytest.raises(MeasurementError, match="expected http or https"):
        Hooks(webhook="file:///etc/passwd")
    with pytest.raises(MeasurementError, match="No closing quotation"):
        Hooks(command="tee 'a")
    with pytest.raises(MeasurementError, match="settle"):
        Pace(settle=float("nan"))


def test_the_log_is_a_json_object_a_line(tmp_path, capsys):
    path = tmp_path / "log.jsonl"
    log = open_log(path)
    log("finished", batch='A\n{"event": "forged"}\x1b[2J', reason="x" * 10**6)
    log("stopped")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["event"] for line in lines] == ["finished", "stopped"]
    assert path.stat().st_size < 5000
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert len(shown.splitlines()) == 2
    # A log that cannot be written any more stops nothing.
    path.unlink()
    path.mkdir()
    log("stopped")
    assert "cannot be written" in capsys.readouterr().err
    with pytest.raises(MeasurementError, match="cannot be written"):
        open_log(tmp_path / "absent" / "log.jsonl")


def start(tmp_path, *more):
    command = [sys.executable, "-m", "coatqc.cli", "watch", str(tmp_path / "in")]
    command += ["-o", str(tmp_path / "out"), "--settle", "0.2", "--interval", "0.1"]
    return subprocess.Popen(
        [*command, *map(str, more)], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_two_watchers_do_not_collide(tmp_path):
    for i in range(1, 5):
        put(tmp_path / "in", f"A{i}", i)
    store, told = tmp_path / "results.sqlite", tmp_path / "told"
    if os.name != "posix":
        pytest.skip("tee is of POSIX")
    more = ("--store", store, "--on-verdict", f"tee -a {told}")
    watchers = [start(tmp_path, "--log", tmp_path / f"{i}.jsonl", *more) for i in range(2)]
    try:
        until(lambda: store.exists() and len(reports(tmp_path / "out")) == 4, 120)
        put(tmp_path / "in", "A5", 5)
        until(lambda: len(reports(tmp_path / "out")) == 5, 120)
        until(lambda: not list((tmp_path / "out").glob("*/untold.json")), 60)
    finally:
        for each in watchers:
            each.send_signal(signal.SIGTERM)
        errors = [each.communicate(timeout=60)[1] for each in watchers]
    assert [each.returncode for each in watchers] == [0, 0], errors
    events = [
        json.loads(line)
        for i in range(2)
        for line in (tmp_path / f"{i}.jsonl").read_text().splitlines()
    ]
    assert sorted(e["batch"] for e in events if e["event"] == "finished") == [
        f"A{i}" for i in range(1, 6)
    ]
    assert len(history(store)) == 5
    ids = re.findall(r'"id": "(\w+)"', told.read_text())
    assert len(ids) == len(set(ids)) == 5
    assert all("Traceback" not in e for e in errors)


@pytest.mark.skipif(os.name != "posix", reason="it forks")
@pytest.mark.parametrize(("what", "kills"), [("run", "each"), ("run", "6"), ("watch", "6")])
def test_killed_at_any_moment_nothing_is_lost_or_doubled(tmp_path, what, kills):
    if kills != "each":
        kills = os.environ.get("COATQC_KILLS", kills)
    command = [sys.executable, HERE / "kill_again.py", what, kills, "7", tmp_path]
    done = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, check=False, timeout=3600
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    assert found["kills"] >= (10 if kills == "each" else int(kills))


def test_command_line(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "coatqc.cli", "watch", str(tmp_path / "no"), "-o", "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "is no folder" in done.stderr
    assert "Traceback" not in done.stderr
