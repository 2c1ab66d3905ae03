"""A page on A4, printed by a browser that is on the machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from coatcore.errors import MeasurementError, printable

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
    "microsoft-edge",
)
_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
    r"C:\Program Files\Microsoft\Edge\Application\msedge.exe",
)
# Seconds that a page may take.
_PATIENCE = 120


def find_browser() -> str:
    """Chromium, Chrome or Edge on this machine.

    The environment variable COATQC_BROWSER names another.

    Raises
    ------
    MeasurementError
        If there is none.

    Examples
    --------
    >>> import os
    >>> os.environ["COATQC_BROWSER"] = "/nowhere/chrome"
    >>> find_browser()
    Traceback (most recent call last):
        ...
    coatcore.errors.MeasurementError: COATQC_BROWSER: /nowhere/chrome is no program; ...
    >>> del os.environ["COATQC_BROWSER"]
    """
    named = os.environ.get("COATQC_BROWSER")
    if named:
        found = shutil.which(named)
        if found is None:
            raise MeasurementError(
                f"COATQC_BROWSER: {named} is no program; name Chromium, Chrome or Edge"
            )
        return found
    for name in (*_NAMES, *_PLACES):
        if found := shutil.which(name):
            return found
    raise MeasurementError(
        "a PDF is printed by Chromium, Chrome or Edge, and none was found; install one, or name "
        "it in the environment variable COATQC_BROWSER"
    )


def write_pdf(page: Path, path: Path) -> Path:
    """Print an HTML page on A4, with what is folded on screen.

    The browser runs without a window and a profile of its own, and the page fetches nothing.

    Parameters
    ----------
    page : pathlib.Path
        As `coatqc.report.write_report` makes it.
    path : pathlib.Path
        PDF to write; it appears whole or not at all.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    MeasurementError
        If there is no browser, or it does not print.
    OSError
        If `path` cannot be written.

    Examples
    --------
    >>> write_pdf(Path("report.html"), Path("report.pdf"))  # doctest: +SKIP
    PosixPath('report.pdf')
    """
    browser = find_browser()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        made = Path(folder) / "page.pdf"
        command = [
            browser,
            "--headless",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-extensions",
            f"--user-data-dir={Path(folder) / 'profile'}",
            "--no-pdf-header-footer",
            f"--print-to-pdf={made}",
            page.resolve().as_uri(),
        ]
        if sys.platform == "linux" and os.geteuid() == 0:
            # Chromium's sandbox refuses to be run by root.
            command.insert(1, "--no-sandbox")
        try:
            done = subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MeasurementError(f"{browser}: has not printed {page} ({error})") from error
        if not made.is_file() or not made.read_bytes().startswith(b"%PDF"):
            said = printable(done.stderr.decode("utf-8", "replace").strip()[-300:])
            raise MeasurementError(f"{browser}: has not printed {page} ({said})")
        part = path.with_name(path.name + ".part")
        part.write_bytes(made.read_bytes())
    part.replace(path)
    return path
