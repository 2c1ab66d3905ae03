"""Errors written for the person who reads them.

Every message says which file or field, what was found, what was expected, and what to do.
"""

from __future__ import annotations


def printable(text: str) -> str:
    r"""`text` without control characters, which could steer a terminal.

    Examples
    --------
    >>> printable("a\x1b[2Jb")
    'a?[2Jb'
    """
    return "".join(c if c.isprintable() else "?" for c in text)


class CoatqcError(Exception):
    """Base of every error that coatqc raises on purpose."""


class ReadError(CoatqcError):
    """A file cannot be read as what it was taken for.

    Parameters
    ----------
    source : str or os.PathLike
        The file.
    found : str
        What was found in it.
    remedy : str, optional
        What would help.

    Examples
    --------
    >>> from coatcore import ReadError
    >>> print(ReadError("scan.xrdml", "no <scan> element", "export the scan again"))
    scan.xrdml: no <scan> element; export the scan again
    """

    def __init__(self, source: object, found: str, remedy: str = "") -> None:
        self.source = str(source)
        self.found = found
        self.remedy = remedy
        super().__init__(f"{source}: {found}" + (f"; {remedy}" if remedy else ""))

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.source, self.found, self.remedy)


class RecipeError(CoatqcError):
    """A batch file or recipe asks for something that cannot be."""


class MeasurementError(CoatqcError):
    """The data were read, but do not allow the measurement that was asked for."""


class StoreError(CoatqcError):
    """A results store that cannot be reached, or is locked or damaged.

    Examples
    --------
    >>> str(StoreError("results.sqlite: database is locked"))
    'results.sqlite: database is locked'
    """
