"""What do the lines over the numbers of an IONTOF text export say?"""

from __future__ import annotations

import re
from pathlib import Path

from coatcore.errors import ReadError
from coatcore.provenance import SIMULATED_MARK
from tofsims.labels.labels import Facts

_LINE = re.compile(r"^[#%;*\s]*([A-Za-z][\w /.()-]{0,60}?)\s*[:=]\s*(\S.*?)\s*$")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?(?:[eE][+-]?\d+)?")
_LONGEST, _MOST = 200, 60

# What a line is called in exports of several SurfaceLab versions, and how coatqc calls it.
_NAMES = {
    "polarity": r"polarity|ion mode|secondary ions?",
    "sample": r"sample(?: name)?",
    "primary_ion": r"primary ions?(?: species)?|(?:pi|lmig)(?: species| source)?|analysis (?:source"
    r"|beam|species)|source",
    "primary_ion_energy": r"(?:primary ion|pi|lmig|analysis) energy|energy",
    "analysis_area": r"(?:analysis )?area|raster(?: size)?|field of view|fov",
    "primary_ion_dose": r"(?:primary ion|pi|ion)?\s*dose(?: density)?",
    "analysis_time": r"(?:analysis|acquisition|measurement) time|duration",
    "acquired": r"(?:acquisition |measurement )?(?:date|date/time|start)",
    "title": r"title|comment|measurement",
    "ion": r"ion|fragment|assignment|peak|image|channel name",
    "mass_interval": r"(?:mass |m/z )?(?:interval|range|window)|mass(?: interval)?",
    "pixels": r"pixels?(?: count)?|image size|resolution|size",
    "channels": r"(?:number of )?(?:channels|data ?points|points)",
}
_PATTERNS = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _NAMES.items()}


def header_lines(notes: str) -> dict[str, str]:
    r"""Name and value of each line of the form "name: value" over the numbers.

    Parameters
    ----------
    notes : str
        Everything above the columns.

    Examples
    --------
    >>> header_lines("# Binning: 200 channels\n# made by hand")
    {'Binning': '200 channels'}
    """
    found = {}
    for line in notes.splitlines()[:_MOST]:
        if len(line) <= _LONGEST and (match := _LINE.match(line)):
            found[match[1].strip()] = match[2]
    return found


def known(lines: dict[str, str]) -> dict[str, str]:
    """The lines that are known, under the names of coatqc.

    Examples
    --------
    >>> known({"PI dose density": "1.2e11 ions/cm2"})
    {'primary_ion_dose': '1.2e11 ions/cm2'}
    """
    return {
        name: value
        for name, pattern in _PATTERNS.items()
        for line, value in lines.items()
        if pattern.fullmatch(line)
    }


def numbers_in(text: str) -> list[float]:
    """Numbers in a text, with decimal point or comma.

    Examples
    --------
    >>> numbers_in("62,95 - 62,98 u")
    [62.95, 62.98]
    """
    return [
        float(n.replace(",", ".")) for n in _NUMBER.findall(re.sub(r"(?<=\d)\s*-\s*", " ", text))
    ]


def spectrum_facts(notes: str, path: Path) -> tuple[Facts, int | None]:
    r"""Facts of a spectrum, and the number of channels that its header promises.

    Parameters
    ----------
    notes : str
        Everything above the columns.
    path : pathlib.Path
        For the error.

    Raises
    ------
    ReadError
        If the dead-time flag is neither on nor off.

    Examples
    --------
    >>> spectrum_facts("# Deadtime Correction: on\n# Polarity: negative", Path("a"))[0]
    {'instrument': 'IONTOF ToF-SIMS', 'dead_time_corrected': 'yes', 'polarity': 'negative'}
    """
    facts: Facts = {"instrument": "IONTOF ToF-SIMS"}
    if binning := re.search(r"Binning:\s*(\d{1,9})", notes):
        facts["binning_channels"] = int(binning[1])
    if dead := re.search(r"Dead[ -]?time Correction[:=]\s*(\S+)", notes, re.IGNORECASE):
        flag = dead[1].strip(".,;").lower()
        if flag not in ("on", "off", "yes", "no", "true", "false", "1", "0"):
            raise ReadError(
                path,
                f"its header says 'Deadtime Correction: {dead[1]}', expected on or off",
                "export it again: whether counts are corrected decides their uncertainty",
            )
        facts["dead_time_corrected"] = "yes" if flag in ("on", "yes", "true", "1") else "no"
    lines = header_lines(notes)
    told = known(lines)
    promised = numbers_in(told.pop("channels", ""))
    for name in ("ion", "mass_interval", "pixels"):  # of images
        told.pop(name, None)
    if "polarity" in told:
        told["polarity"] = polarity(told["polarity"])
    facts |= told
    if SIMULATED_MARK in notes:
        facts["simulated"] = "yes"
    whole = promised[0] if promised and promised[0].is_integer() else None
    return facts, int(whole) if whole and 0 < whole < 2**31 else None


def polarity(text: str) -> str:
    """Positive or negative, or the text itself where it says neither.

    Examples
    --------
    >>> polarity("Neg."), polarity("+")
    ('negative', 'positive')
    """
    low = text.strip().lower()
    if low.startswith(("neg", "-", "−")):
        return "negative"
    return "positive" if low.startswith(("pos", "+")) else text
