"""Do two versions of coatqc give the same numbers? Demo and paper, both in one run.

    python benchmarks/same_numbers.py OLD_PYTHON NEW_PYTHON [--rtol 1e-12]

Each argument is the Python of an environment in which one version is installed. Compared are
report.json and results.nc of the demo and the table of the paper; times, versions, hashes and
paths are left out. Exit code 1 where a number or word differs.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

# What tells when, where and with what a number was made, not the number.
LEFT_OUT = {"started", "versions", "sha256", "batch_sha256", "source", "history", "tool"}


def leaves(content: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested JSON content with its place."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key not in LEFT_OUT:
                yield from leaves(value, f"{path}.{key}")
    elif isinstance(content, list):
        if path == ".files":
            # In which order files stand tells nothing of the numbers.
            content = sorted(content, key=lambda file: (file["sample"], file["path"]))
        for index, value in enumerate(content):
            yield from leaves(value, f"{path}[{index}]")
    else:
        yield path, content


def netcdf_leaves(path: Path) -> Iterator[tuple[str, Any]]:
    """Every variable and attribute of every group."""
    import h5py

    def attributes(name: str, item: Any) -> Iterator[tuple[str, Any]]:
        for key, value in item.attrs.items():
            plain = isinstance(value, (str, int, float, np.generic))
            if plain and key not in LEFT_OUT and not key.startswith("_"):
                yield f"{name}@{key}", value.item() if isinstance(value, np.generic) else value

    found: list[tuple[str, Any]] = []

    def visit(name: str, item: Any) -> None:
        found.extend(attributes(name, item))
        if isinstance(item, h5py.Dataset):
            found.append((name, item[()]))

    with h5py.File(path) as file:
        file.visititems(visit)
    yield from found


def made_by(python: str, folder: Path) -> dict[str, Any]:
    """Everything that one version gives."""
    demo, paper = folder / "demo", folder / "paper"
    for words in (["demo", "-o", str(demo)], ["paper", "-o", str(paper), "--json"]):
        ran = subprocess.run(
            [str(Path(python).absolute()), "-m", "coatqc.cli", *words],
            capture_output=True,
            text=True,
            cwd=folder,
        )
        if words[0] == "paper":
            table = json.loads(ran.stdout)
        elif ran.returncode:
            raise SystemExit(f"{python}: {ran.stderr}")
    return {
        **{f"demo{k}": v for k, v in leaves(json.loads((demo / "report.json").read_text()))},
        **{f"results/{k}": v for k, v in netcdf_leaves(demo / "results.nc")},
        **{f"paper{k}": v for k, v in leaves(table)},
    }


def same(a: Any, b: Any, rtol: float) -> bool:
    """Whether two leaves agree."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        if a.shape != b.shape or a.dtype != b.dtype:
            return False
        if a.dtype.kind in "fc":
            return bool(np.allclose(a, b, rtol=rtol, atol=0, equal_nan=True))
        return bool(np.array_equal(a, b))
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=rtol) or (math.isnan(a) and math.isnan(b))
    return bool(a == b)


def main() -> None:
    """Compare, print what differs."""
    parser = argparse.ArgumentParser()
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--rtol", type=float, default=1e-12)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name) / side for side in ("old", "new")]
        for folder in folders:
            folder.mkdir()
        old, new = (
            made_by(python, folder)
            for python, folder in zip((asked.old, asked.new), folders, strict=True)
        )
    lines = [f"only before: {key}" for key in old if key not in new]
    lines += [f"only after: {key}" for key in new if key not in old]
    lines += [
        f"differs: {key}: {old[key]!r:.80} -> {new[key]!r:.80}"
        for key in old
        if key in new and not same(old[key], new[key], asked.rtol)
    ]
    print("\n".join(lines[:60]))
    print(f"{len(old)} values compared at {asked.rtol:g}: {len(lines)} differ")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
