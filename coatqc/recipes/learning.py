"""Parameters of a recipe that repeats of one's own measurements tell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coatcore.errors import MeasurementError
from coatcore.quality.registry import learnables, roles
from coatcore.reading.registry import read
from coatcore.words import nearest


def learn(what: str, files: Sequence[str | Path]) -> dict[str, Any]:
    """Read repeats and tell what they teach.

    Parameters
    ----------
    what : str
        Name of a learnable: ``coatqc learn list`` shows those of the installed techniques.
    files : sequence of path-like
        In the order that the learnable asks for.

    Returns
    -------
    dict
        Values of parameters, as they stand in a recipe; those of the quantities that the
        learnable names.

    Raises
    ------
    ReadError
        If a file cannot be read as the learnable's role asks.
    MeasurementError
        If there is no such learnable, or the files do not tell.

    Examples
    --------
    >>> learn("xrd.noise", [])
    Traceback (most recent call last):
        ...
    coatcore.errors.MeasurementError: xrd.noise: nothing of that name can be learnt; \
allowed: xrd.repeatability
    """
    known = learnables()
    if what not in known:
        near = nearest(what, list(known))
        raise MeasurementError(f"{what}: nothing of that name can be learnt; {near}")
    wanted = known[what]
    if not files:
        raise MeasurementError(f"{what}: no file is named; expected {wanted.files}")
    kinds = roles()[wanted.role].kinds
    return wanted.learn([read(path, kind=kinds) for path in files])


def as_parameters(learnt: Mapping[str, Any]) -> str:
    """Lines of TOML, to be pasted into a criterion of a recipe.

    Parameters
    ----------
    learnt : mapping
        From `learn`.

    Examples
    --------
    >>> print(as_parameters({"repeatability": {"intensity": 0.02, "shape": 0.0}, "n": 3}))
    parameters.repeatability.intensity = 0.02
    parameters.repeatability.shape = 0.0
    parameters.n = 3
    """
    lines: list[str] = []

    def write(key: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for name, each in value.items():
                write(f"{key}.{name}", each)
        else:
            # Numbers, words, truth values and lists of them are written alike in TOML and JSON.
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False, allow_nan=False)}")

    write("parameters", learnt)
    return "\n".join(lines)
