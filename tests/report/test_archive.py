"""What a report's folder is archived by, and what hostile text becomes in it."""

from __future__ import annotations

import hashlib
import json

from coatqc.report.template import shown


def test_the_folder_is_a_crate(report):
    from rocrate.rocrate import ROCrate

    crate = ROCrate(report)
    assert "A7 <b>&</b>" in crate.name
    files = {e.id: e for e in crate.get_by_type("File")}
    assert set(files) == {"report.html", "report.json", "results.nc"}
    for name, entity in files.items():
        content = (report / name).read_bytes()
        assert entity["sha256"] == hashlib.sha256(content).hexdigest()
        assert int(entity["contentSize"]) == len(content)
    (action,) = crate.get_by_type("CreateAction")
    assert action["instrument"]["name"] == "coatqc"
    assert {e.id for e in action["result"]} == set(files)
    facts = json.loads((report / "report.json").read_text("utf-8"))
    known = {f["sha256"] for f in facts["files"] if f["sha256"]}
    assert {e["sha256"] for e in action["object"]} == known
    graph = json.loads((report / "ro-crate-metadata.json").read_text("utf-8"))["@graph"]
    assert len({e["@id"] for e in graph}) == len(graph)


def test_long_and_hostile_text_is_cut_and_tamed():
    assert shown("a" * 10**6).endswith("(cut: 1000000 characters)")
    assert shown("\u202e\x1b[2J\ud800") == "\ufffd\ufffd[2J\ufffd"
    assert shown(12) == 12
    shown("b" * 100).encode()
