"""What the files beside a neaSPEC image say of it: the parameters of the scan, and its partner.

The microscope writes ``<scan> O2A raw.gsf`` and ``<scan> O2P raw.gsf``, amplitude and phase at a
harmonic of the tapping frequency, with ``<scan>.html`` or ``<scan>.txt`` beside them.
"""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

_NAME = re.compile(r"(?P<scan>.+) (?P<channel>[OM]\d)(?P<part>[AP])(?P<rest>( [\w-]+)*)\.gsf")
_MAX_BYTES, _MAX_ROWS = 2**20, 500
_NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{0,12})?")
# neaSPEC calls it a wavelength in µm and now and then stores a wavenumber.
_LONGEST_WAVELENGTH = 50.0


class _Cells(HTMLParser):
    """Texts of the table cells, row by row."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr" and len(self.rows) < _MAX_ROWS:
            self.rows.append([])
        self._inside = tag == "td"

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside and self.rows and data.strip():
            self.rows[-1].append(data.strip()[:200])


def partner(path: Path) -> Path | None:
    """Phase image of an amplitude image, and the other way round; None where none lies beside it.

    Parameters
    ----------
    path : pathlib.Path
        A .gsf file.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> for part in "AP":
    ...     _ = (folder / f"scan O2{part} raw.gsf").write_bytes(b"")
    >>> partner(folder / "scan O2A raw.gsf").name
    'scan O2P raw.gsf'
    """
    name = _NAME.fullmatch(path.name)
    if name is None:
        return None
    other = "P" if name["part"] == "A" else "A"
    beside = path.with_name(f"{name['scan']} {name['channel']}{other}{name['rest']}.gsf")
    return beside if beside.is_file() else None


def sidecar(path: Path) -> tuple[Path, dict[str, list[str]]] | None:
    r"""Parameters of the scan that a .gsf file belongs to, or None where no sidecar is found.

    Parameters
    ----------
    path : pathlib.Path
        A .gsf file.

    Returns
    -------
    (pathlib.Path, dict) or None
        The sidecar, and for each parameter its values as text without the unit in brackets.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> _ = (folder / "a.txt").write_text("# www.neaspec.com\n# Averaging:\t \t3\n")
    >>> sidecar(folder / "a O2A raw.gsf")[1]["Averaging"]
    ['3']
    """
    name = _NAME.fullmatch(path.name)
    if name is None:
        return None
    for ending in (".html", ".txt"):
        beside = path.with_name(name["scan"] + ending)
        if not beside.is_file() or beside.stat().st_size > _MAX_BYTES:
            continue
        text = beside.read_bytes().decode("utf-8", errors="replace")
        if ending == ".html":
            cells = _Cells()
            cells.feed(text)
            rows = cells.rows
        else:
            lines = re.findall(r"^# ([^\r\n]{1,400})", text, re.MULTILINE)[:_MAX_ROWS]
            rows = [[f.strip() for f in line.split("\t") if f.strip()] for line in lines]
        found: dict[str, list[str]] = {}
        for row in rows:
            if row and row[0].endswith(":"):
                values = [v for v in row[1:] if not v.startswith("[")]
                found.setdefault(row[0].rstrip(":").partition(" (")[0], values)
        if found:
            return beside, found
    return None


def numbers(found: dict[str, list[str]], name: str) -> list[float]:
    """Numbers of a parameter, whose thousands are set off by commas.

    Parameters
    ----------
    found : dict
        From `sidecar`.
    name : str
        Parameter.

    Examples
    --------
    >>> numbers({"Distance": ["700.000", "1,000.000"]}, "Distance")
    [700.0, 1000.0]
    """
    texts = [v.replace(",", "") for v in found.get(name, [])]
    return [float(t) for t in texts if _NUMBER.fullmatch(t)]


def scan_facts(found: dict[str, list[str]]) -> dict[str, str | int | float]:
    """What a person wants to know of a scan, for the attributes of its image.

    Parameters
    ----------
    found : dict
        From `sidecar`.

    Returns
    -------
    dict
        Some of ``scan``, ``acquired``, ``laser``, ``wavenumber_cm``, ``scans``,
        ``tapping_amplitude_nm`` and ``scan_rotation_degree``.

    Examples
    --------
    >>> scan_facts({"Scan": ["2D (PsHet)"], "Target Wavelength": ["6.006"]})
    {'scan': '2D (PsHet)', 'wavenumber_cm': 1665.00...}
    """
    facts: dict[str, str | int | float] = {}
    for key, name in (("scan", "Scan"), ("acquired", "Date"), ("laser", "Laser Source")):
        if text := " ".join(found.get(name, [])):
            facts[key] = text
    if (length := numbers(found, "Target Wavelength")) and length[0] > 0:
        wavelength = length[0] < _LONGEST_WAVELENGTH
        facts["wavenumber_cm"] = 1e4 / length[0] if wavelength else length[0]
    for key, name in (
        ("scans", "Averaging"),
        ("tapping_amplitude_nm", "Tapping Amplitude"),
        ("scan_rotation_degree", "Rotation"),
    ):
        if value := numbers(found, name):
            facts[key] = int(value[0]) if key == "scans" else value[0]
    return facts
