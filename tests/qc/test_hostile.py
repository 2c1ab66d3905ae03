"""Names that mean harm do none: not in files, not outside the folder of the reports."""

from __future__ import annotations

import html.parser
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from coatqc.report import write_report
from coatqc.running.many_batches import run_batches
from coatqc.store.store import history
from coatqc.store.store_tables import RUNS
from imaging import simulate_sem
from imaging.write import write_zeiss_tiff

NAMES = [
    "<script>alert(1)</script>",
    "'); DROP TABLE coatqc_runs; --",
    "../../../etc/cron.d/x",
    "CON\u202egpj.exe",
    "a" * 200,
    "{{ 7*7 }} ${7*7} %s \\ \" '",
    "日本 \u0000".replace("\u0000", "\u200b"),
    "=cmd|' /C calc'!A0",
]
TITLE = "<img src=x onerror=alert(1)> \u2028 " + "long " * 200_000
# As sitecustomize of a process and of those it begins: tells each place that is written to.
WITNESS = """
import os, sys
out = os.open(os.environ['COATQC_WITNESS'], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def hook(event, args):
    writes = event in ('os.mkdir', 'os.rename', 'os.remove', 'os.rmdir', 'os.link', 'os.symlink')
    if args and str(args[0]).startswith('probe-'):
        return  # of a lock, within a temporary folder that it has open
    if event == 'open':
        mode, flags = args[1] or '', args[2] or 0
        writes = any(c in str(mode) for c in 'wax+') or flags & (os.O_WRONLY | os.O_RDWR)
    if event == 'sqlite3.connect' or writes:
        for place in args[:2] if event in ('os.rename', 'os.link') else args[:1]:
            where = '' if isinstance(place, int) else os.path.abspath(os.fsdecode(place))
            os.write(out, where.encode('utf-8', 'replace').replace(b'\\n', b'?') + b'\\n')
sys.addaudithook(hook)
"""


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "a.tif"
    write_zeiss_tiff(simulate_sem(1, shape=(150, 200))[0], path)
    return path


def put(folder, image, name, title="", file="a.tif"):
    path = folder / "batch.toml"
    folder.mkdir(parents=True)
    (folder / file).write_bytes(image.read_bytes())
    path.write_text(
        f"schema_version = 1\nname = {json.dumps(name)}\n[samples.a]\nsem = '*.tif'\n"
        "[[criteria]]\nquantity = 'sem.crack_area_fraction'\nsample = 'a'\nmax = 0.5\n"
        f"title = {json.dumps(title)}\n",
        encoding="utf-8",
    )
    return path


class Tags(html.parser.HTMLParser):
    """What a browser would act on."""

    def __init__(self):
        super().__init__()
        self.names, self.handlers = set(), []

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.handlers += [k for k, _ in attrs if k.startswith("on")]


def test_names_do_no_harm_in_files_and_store(tmp_path, image):
    files = [put(tmp_path / "in" / str(i), image, n, TITLE[:3000]) for i, n in enumerate(NAMES)]
    if os.name == "posix":
        (files[0].parent / os.fsdecode(b"<b>\xff\n\x1b[2J.tif")).write_bytes(b"none")
    store = tmp_path / "a.sqlite"
    found = run_batches(files, tmp_path / "out", write=write_report, store=str(store))
    assert [s.batch for s in found] == NAMES
    assert not any(s.reason for s in found)
    assert {p.name for p in tmp_path.iterdir()} == {"in", "out", "a.sqlite"}
    for each in found:
        folder = tmp_path / "out" / each.folder
        assert folder.parent == tmp_path / "out"
        assert each.folder.isascii()
        assert len(each.folder) <= 70
        text = (folder / "report.html").read_text("utf-8")
        tags = Tags()
        tags.feed(text)
        assert not tags.handlers
        assert "alert(1)</script>" not in text
        assert json.loads((folder / "report.json").read_text("utf-8"))["batch"] == each.batch
    assert set(history(store)["batch"]) == set(NAMES)
    assert RUNS.name == "coatqc_runs"


def test_a_title_of_a_million_letters_is_cut_where_people_read(tmp_path, image):
    path = put(tmp_path / "in", image, "A7", TITLE[:1_000_000])
    (found,) = run_batches([path], tmp_path / "out", write=write_report, store=None)
    assert not found.blame or "larger than 1 MiB" in found.reason
    if found.folder:
        assert (tmp_path / "out" / found.folder / "inputs.json").stat().st_size < 100_000


@pytest.mark.skipif(os.name != "posix", reason="paths of POSIX")
@pytest.mark.parametrize("command", ["report", "run", "watch"])
def test_nothing_is_written_outside(tmp_path, image, command):
    files = [put(tmp_path / "in" / str(i), image, name) for i, name in enumerate(NAMES[:3])]
    (tmp_path / "caches").mkdir()
    (tmp_path / "sitecustomize.py").write_text(WITNESS)
    words = [command, "-o", str(tmp_path / "out"), "--store", str(tmp_path / "a.sqlite")]
    words[1:1] = {
        "report": [str(files[2])],
        "run": [str(f) for f in files],
        "watch": [str(tmp_path / "in"), "--once", "--settle", "0"],
    }[command]
    done = subprocess.run(
        [sys.executable, "-m", "coatqc.cli", *words],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ
        | {
            "PYTHONDONTWRITEBYTECODE": "1",
            "MPLCONFIGDIR": str(tmp_path / "caches"),
            "TMPDIR": str(tmp_path / "caches"),
            "COATQC_WITNESS": str(tmp_path / "seen"),
            "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
        },
    )
    assert done.returncode in (0, 3), done.stderr
    seen = {Path(line) for line in (tmp_path / "seen").read_text().splitlines() if line}
    allowed = [tmp_path / n for n in ("out", "a.sqlite", "caches")]
    beyond = [p for p in seen if not any(p == a or a in p.parents for a in allowed)]
    assert not [p for p in beyond if p != Path("/dev/null")], beyond
    # The witness does see.
    assert any((tmp_path / "out") in p.parents for p in seen)
