"""Keep word of a batch that could not be measured, until its files have been mended."""

from __future__ import annotations

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

from coatqc.judging.summary import Summary
from coatqc.running.one_batch import UNTOLD, folder_name, mark

FOLDER = "quarantine"
_FACTS, _WORDS = "quarantine.json", "reason.txt"
Fingerprint = list[Any]


def put(output: Path, summary: Summary, fingerprint: Fingerprint, *, tell: bool) -> Path:
    """Write why a batch could not be measured; its own files stay where they are.

    Parameters
    ----------
    output : pathlib.Path
        Folder of the reports.
    summary : Summary
        With the reason.
    fingerprint : list
        State of its files, of JSON's types; when it changes, the batch is tried again.
    tell : bool
        Whether to leave a message for `coatqc.running.notify`.

    Returns
    -------
    pathlib.Path
        Folder with reason.txt and quarantine.json.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> summary = Summary("a.toml", "A7", "", "not measured", "a.toml: is not valid TOML", False)
    >>> print((put(folder, summary, [], tell=False) / "reason.txt").read_text().strip())
    a.toml: is not valid TOML
    >>> held(folder)
    {'a.toml': []}
    """
    path = Path(summary.file)
    name = folder_name(path, summary.batch)
    folder, part = output / FOLDER / name, output / FOLDER / f".part-{name}"
    if part.exists():
        shutil.rmtree(part)
    release(output, path)
    part.mkdir(parents=True)
    reason = summary.reason or summary.unread
    words = reason.encode("utf-8", "replace").decode()
    (part / _WORDS).write_text(words.replace("; and", ";\nand") + "\n", encoding="utf-8")
    facts = {
        "file": summary.file,
        "batch": summary.batch,
        "report": summary.folder,
        "reason": reason,
        "fingerprint": fingerprint,
    }
    (part / _FACTS).write_text(json.dumps(facts, indent=2), encoding="utf-8")
    if tell and not summary.folder:
        (part / UNTOLD).write_text(json.dumps({"id": uuid.uuid4().hex}), encoding="utf-8")
    part.rename(folder)
    return folder


def held(output: Path) -> dict[str, Fingerprint]:
    """State of the files of each batch in quarantine, by batch file.

    Examples
    --------
    >>> import tempfile
    >>> held(Path(tempfile.mkdtemp()))
    {}
    """
    found = {}
    for path in sorted((output / FOLDER).glob(f"[!.]*/{_FACTS}")):
        facts = facts_of(path.parent)
        if isinstance(facts.get("file"), str) and isinstance(facts.get("fingerprint"), list):
            found[facts["file"]] = facts["fingerprint"]
    return found


def without_report(output: Path) -> list[Summary]:
    """Summaries of batches in quarantine that have no report, for lists of all batches.

    Examples
    --------
    >>> without_report(Path("nowhere"))
    []
    """
    found = []
    for path in sorted((output / FOLDER).glob(f"[!.]*/{_FACTS}")):
        facts = facts_of(path.parent)
        if not facts.get("report"):
            words = [str(facts.get(key, "")) for key in ("file", "batch", "reason")]
            found.append(
                Summary(words[0], words[1], "", "not measured", words[2], False, blame="batch")
            )
    return found


def facts_of(folder: Path) -> dict[str, Any]:
    """What quarantine.json of a folder says; nothing where there is none.

    Examples
    --------
    >>> facts_of(Path("nowhere"))
    {}
    """
    try:
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}


def release(output: Path, path: Path) -> bool:
    """Take a batch file out of quarantine; whether it was in.

    Examples
    --------
    >>> release(Path("nowhere"), Path("a.toml"))
    False
    """
    # The batch's name, which is in the folder's, may have been mended too.
    found = list((output / FOLDER).glob(f"[!.]*-{mark(path)}"))
    for folder in found:
        shutil.rmtree(folder)
    return bool(found)
