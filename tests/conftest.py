"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

DEFAULT_REFERENCE = Path(__file__).parents[2] / "shared" / "reference"


def reference_folder() -> Path | None:
    folder = Path(os.environ.get("COATQC_REFERENCE", DEFAULT_REFERENCE))
    return folder if (folder / "README.md").is_file() else None


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of real instrument files that are not part of the project."""
    folder = reference_folder()
    if folder is None:
        reason = "real instrument files are absent; set COATQC_REFERENCE to their folder"
        if os.environ.get("COATQC_REQUIRE_REFERENCE") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
