"""When a batch counts as arrived: all its files there, and at rest."""

from __future__ import annotations

import os
import time

import pytest

from coatqc.running.arrivals import Memory, look

BATCH = "schema_version = 1\nname = 'A7'\n[samples.a]\nsem = 'a_*.tif'\nxrd = 'a.xrdml'\n"


@pytest.fixture
def inbox(tmp_path):
    """A folder with a batch whose files are all there."""
    folder = tmp_path / "in"
    (folder / "A7").mkdir(parents=True)
    (folder / "A7" / "batch.toml").write_text(BATCH)
    for name in ("a_1.tif", "a.xrdml"):
        (folder / "A7" / name).write_bytes(b"data")
    return folder


@pytest.fixture
def at(inbox):
    """Looks at a time, with what has been said."""
    memory, said = Memory({}, {}), []

    def looks(now, **more):
        return look(
            inbox,
            more.get("output", inbox / "out"),
            more.get("memory", memory),
            now=now,
            settle=10.0,
            overdue=100.0,
            say=lambda path, words: said.append(words),
        )

    looks.said = said
    return looks


def test_a_batch_is_ready_when_nothing_has_changed_for_a_while(inbox, at):
    assert not at(0.0).ready
    assert not at(9.9).ready
    assert list(at(10.0).ready) == [inbox / "A7" / "batch.toml"]


def test_files_still_being_written_are_left_alone(inbox, at):
    for now in range(0, 60, 6):
        with (inbox / "A7" / "a.xrdml").open("ab") as file:
            file.write(b"more")
        found = at(float(now))
        assert not found.ready
        assert found.resting == 1
    # One more file that a pattern takes in.
    (inbox / "A7" / "a_2.tif").write_bytes(b"data")
    assert not at(63.0).ready
    assert not at(72.0).ready
    assert at(73.0).ready


@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_or_empty_file_is_waited_for(inbox, at, empty):
    path = inbox / "A7" / "a.xrdml"
    path.unlink()
    if empty:
        path.touch()
    for now in (0.0, 20.0, 99.0):
        found = at(now)
        assert (found.ready, found.pending, found.resting) == ({}, 1, 0)
    assert set(at.said) == {"waits for a.xrdml"}
    path.write_bytes(b"data")
    at(99.5)
    assert at(110.0).ready


def test_a_batch_whose_files_never_come_is_ready_in_the_end(inbox, at):
    (inbox / "A7" / "a.xrdml").unlink()
    at(0.0)
    assert not at(99.0).ready
    assert at(100.0).ready


def test_times_of_files_and_of_the_clock_may_jump(inbox, at, monkeypatch):
    at(0.0)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert not at(5.0).ready
    # From the future, and from before all files.
    os.utime(inbox / "A7" / "a.xrdml", (4e9, 4e9))
    os.utime(inbox / "A7" / "a_1.tif", (0, 0))
    assert not at(6.0).ready
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert not at(15.9).ready
    assert at(16.0).ready


def test_what_is_done_is_not_looked_at_again_until_its_batch_file_changes(inbox, at):
    from coatcore.provenance import sha256_of

    path = inbox / "A7" / "batch.toml"
    memory = Memory({str(path): {sha256_of(path)}}, {})
    (inbox / "A7" / "a.xrdml").write_bytes(b"changed")
    assert at(0.0, memory=memory) == at(50.0, memory=memory)
    assert not at(50.0, memory=memory).pending
    path.write_text(BATCH + "# measured anew\n")
    at(60.0, memory=memory)
    assert at(70.0, memory=memory).ready


def test_one_in_quarantine_is_tried_again_when_any_file_of_it_changes(inbox, at):
    path = inbox / "A7" / "batch.toml"
    at(0.0)
    state = at(10.0).ready[path]
    memory = Memory({}, {str(path): state})
    assert not at(20.0, memory=memory).pending
    # A file whose rights have been mended has the same content and time.
    (inbox / "A7" / "a.xrdml").chmod(0o600)
    at(30.0, memory=memory)
    assert at(40.0, memory=memory).ready


def test_what_is_no_batch_is_passed_over(inbox, at):
    (inbox / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (inbox / "recipe.toml").write_text("schema_version = 1\nname = 'r'\nversion = '1'\n")
    (inbox / ".hidden.toml").write_text(BATCH)
    (inbox / ".git").mkdir()
    (inbox / ".git" / "batch.toml").write_text(BATCH)
    (inbox / "out" / "A7").mkdir(parents=True)
    (inbox / "out" / "A7" / "batch.toml").write_text(BATCH)
    (inbox / "folder.toml").mkdir()
    at(0.0)
    assert list(at(10.0).ready) == [inbox / "A7" / "batch.toml"]
    assert at.said == ["is no batch file: has no samples, passed over"]
    # With a mistake it is one all the same: it must not be passed over.
    (inbox / "B8.toml").write_text("schema_version = 1\nname = 'B8'\n[sample.a]\n")
    (inbox / "C9.toml").write_text("schema_version = 1\nname = ")
    at(20.0)
    assert {p.name for p in at(30.0).ready} == {"batch.toml", "B8.toml", "C9.toml"}


def test_a_folder_that_cannot_be_looked_into_is_named(tmp_path):
    found = look(
        tmp_path / "gone",
        tmp_path / "out",
        Memory({}, {}),
        now=0.0,
        settle=0.0,
        overdue=1.0,
        say=print,
    )
    assert "gone: cannot be looked into (No such file or directory)" in found.trouble
