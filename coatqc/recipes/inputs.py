"""Which files a batch is measured from, and whether they have changed."""

from __future__ import annotations

from glob import glob
from pathlib import Path

from coatcore.provenance import versions
from coatcore.quality.registry import roles
from coatqc.recipes.models import Batch


def input_files(batch: Batch) -> list[tuple[str, Path]]:
    """Role and path of every file that a batch names; a pattern that matches none stands itself.

    Examples
    --------
    >>> batch = Batch(schema_version=1, name="A7", samples={"a": {"sem": "nowhere_*.tif"}})
    >>> [(role, path.name) for role, path in input_files(batch)]
    [('sem', 'nowhere_*.tif')]
    """
    found = []
    for sample in (*batch.samples.values(), *batch.references.values()):
        for role in roles():
            for pattern in sample.files(role):
                path = batch.folder / pattern
                named = [path]
                if not path.exists() and any(c in pattern for c in "*?["):
                    matches = glob(pattern, root_dir=batch.folder, recursive=True)  # noqa: PTH207
                    named = sorted(batch.folder / n for n in matches) or named
                found += [(role, file) for file in named]
    return found


def fingerprint(batch: Batch) -> list[list[str | int]]:
    """What a result depends on; files by name, size and time of change.

    Examples
    --------
    >>> fingerprint(Batch(schema_version=1, name="A7", samples={"a": {"sem": "no.tif"}}))[1:]
    [['sem', 'no.tif', -1, -1]]
    """
    found: list[list[str | int]] = [
        [batch.sha256, batch.recipe_sha256, *(f"{k} {v}" for k, v in sorted(versions().items()))]
    ]
    for role, path in input_files(batch):
        found.append([role, str(path), *size_and_time(path)])
    return found


def size_and_time(path: Path) -> tuple[int, int]:
    """Size in bytes and time of the last change in ns; -1 each where there is no file.

    Examples
    --------
    >>> size_and_time(Path("nowhere"))
    (-1, -1)
    """
    try:
        stat = path.stat()
    except OSError:
        return -1, -1
    return stat.st_size, stat.st_mtime_ns
