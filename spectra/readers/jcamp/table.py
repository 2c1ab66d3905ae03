"""Numbers of a JCAMP-DX data table: plain, packed, squeezed, difference and duplicate forms.

McDonald & Wilks, Appl. Spectrosc. 1988, 42, 151, section 5 and table VII: the first character of
an ordinate says its form, its sign and its first digit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from coatcore.errors import ReadError

_SQUEEZED = {c: s for s, c in zip(range(-9, 10), "ihgfedcba@ABCDEFGHI", strict=True)}
_DIFFERENCE = {c: s for s, c in zip(range(-9, 10), "rqponmlkj%JKLMNOPQR", strict=True)}
_DUPLICATE = {c: s for s, c in enumerate("STUVWXYZs", start=1)}

# The standard wants a sign after E, for E alone is a squeezed 5; some programs write 1.5E3.
_NUMBER = r"[+-]?(?:\d+\.\d*[Ee]\d{1,3}|\.\d+[Ee]\d{1,3}|(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]\d{1,4})?)"
# Behind an abscissa E is a squeezed 5, even where the abscissa has a decimal point.
_ABSCISSA = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]\d{1,4})?)[\s,;]*")
_ORDINATE = re.compile(rf"[@A-Ia-i%J-Rj-rS-Zs]\d{{0,17}}|\?|{_NUMBER}")
_NUMBER_RE = re.compile(_NUMBER)
_BETWEEN = " \t,;\r\f\v"


@dataclass(frozen=True, kw_only=True)
class Ordinates:
    """What a table (X++(Y..Y)) holds, before any factor.

    Parameters
    ----------
    y : numpy.ndarray, shape (n,)
        Ordinates; NaN where the file says ``?``.
    line_x, line_at : numpy.ndarray, shape (lines,)
        Abscissa that begins a line, and the index of the ordinate that it belongs to.
    compressed : bool
        Whether a squeezed, difference or duplicate form occurs.

    Examples
    --------
    >>> decode([(1, "400 A2J")], 10, "a.jdx").compressed
    True
    """

    y: np.ndarray
    line_x: np.ndarray
    line_at: np.ndarray
    compressed: bool


def _tokens(pattern: re.Pattern[str], text: str, number: int, source: object) -> list[str]:
    rest = pattern.sub("", text).strip(_BETWEEN)
    if rest:
        raise ReadError(source, f"line {number} holds {rest[:20]!r} among its numbers: damaged")
    return pattern.findall(text)


def decode(lines: Sequence[tuple[int, str]], limit: int, source: object) -> Ordinates:
    """Ordinates of a table (X++(Y..Y)), whichever forms it mixes.

    Parameters
    ----------
    lines : sequence of (int, str)
        Line number in the file, and the line without comments.
    limit : int
        How many ordinates there may be; a duplicate form can ask for any number of them.
    source : object
        File, named in errors.

    Returns
    -------
    Ordinates

    Raises
    ------
    ReadError
        If a line is not numbers, the ordinate that repeats the end of a line of differences does
        not agree with it, or there are more than `limit`.

    References
    ----------
    McDonald & Wilks, Appl. Spectrosc. 1988, 42, 151, section 5.

    Examples
    --------
    >>> decode([(1, "1 @VKT%"), (2, "8 D")], 53, "a.jdx").y
    array([0., 0., 0., 0., 2., 4., 4.])
    """
    y: list[float] = []
    xs: list[float] = []
    at: list[int] = []
    compressed = False
    ends_in_difference = False
    for number, line in lines:
        begin = _ABSCISSA.match(line)
        if begin is None:
            raise ReadError(source, f"line {number} does not begin with an abscissa: {line[:20]!r}")
        tokens = _tokens(_ORDINATE, line[begin.end() :], number, source)
        xs.append(float(begin[1]))
        at.append(len(y) - ends_in_difference)
        repeats, ends_in_difference = ends_in_difference, False
        last: float | None = None
        step = 0.0
        for token in tokens:
            head = token[0]
            compressed |= head.isalpha() or head in "@%"
            if head in _DUPLICATE:
                more = int(f"{_DUPLICATE[head]}{token[1:]}") - 1
                if last is None or len(y) + more > limit:
                    raise ReadError(
                        source, f"line {number}: {token!r} repeats nothing, or too often: damaged"
                    )
                y += [last + step * i for i in range(1, more + 1)] if step else [last] * more
                last += step * more
                continue
            if head in _DIFFERENCE:
                if last is None or last != last:
                    raise ReadError(
                        source, f"line {number}: {token!r} is a difference to nothing: damaged"
                    )
                step = float(f"{_DIFFERENCE[head]}{token[1:]}")
                last += step
                ends_in_difference = True
            else:
                step, ends_in_difference = 0.0, False
                if head in _SQUEEZED:
                    last = float(f"{_SQUEEZED[head]}{token[1:]}")
                else:
                    last = np.nan if head == "?" else float(token)
                if repeats:
                    # Spectrafile-IR ends every table with a line of its own that says @.
                    closing = number == lines[-1][0] and tokens == ["@"]
                    if last != y[-1] and not closing:
                        raise ReadError(
                            source,
                            f"line {number} should repeat the compressed ordinate {y[-1]:g} of the "
                            f"line before, but says {last:g}",
                            "the file is damaged; export it again",
                        )
                    repeats = False
                    continue
            repeats = False
            y.append(last)
        if len(y) > limit:
            break
    return Ordinates(
        y=np.array(y), line_x=np.array(xs), line_at=np.array(at), compressed=compressed
    )


def pairs(lines: Iterable[tuple[int, str]], source: object) -> tuple[np.ndarray, np.ndarray]:
    """Abscissas and ordinates of a table (XY..XY), before any factor.

    Parameters
    ----------
    lines : iterable of (int, str)
        Line number in the file, and the line without comments.
    source : object
        File, named in errors.

    Returns
    -------
    x, y : numpy.ndarray, shape (n,)

    Raises
    ------
    ReadError
        If a line is not numbers, or one abscissa has no ordinate.

    Examples
    --------
    >>> pairs([(1, "400.0, 0.1; 402.0, 0.2")], "a.jdx")
    (array([400., 402.]), array([0.1, 0.2]))
    """
    values: list[float] = []
    for number, line in lines:
        values += [float(t) for t in _tokens(_NUMBER_RE, line, number, source)]
    if len(values) % 2:
        raise ReadError(source, "its last abscissa has no ordinate", "the file is cut short")
    table = np.array(values).reshape(-1, 2)
    return table[:, 0], table[:, 1]
