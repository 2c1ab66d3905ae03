"""Would a script of the user's be imported in place of one of coatqc's packages?"""

from __future__ import annotations

import importlib.util
from pathlib import Path

PACKAGES = ("spectra", "imaging", "tofsims", "xrd", "electrochem")


def shadowed_packages() -> list[str]:
    """One line for each technique package whose name another file has taken.

    Nothing is imported for it.

    Examples
    --------
    >>> shadowed_packages()
    []
    """
    home = Path(__file__).resolve().parents[1]
    lines = []
    for name in PACKAGES:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            spec = None
        if spec is None or spec.origin is None:
            lines.append(f"coatqc's package {name!r} cannot be found; install coatqc again")
        elif not Path(spec.origin).resolve().is_relative_to(home / name):
            lines.append(
                f"{spec.origin} takes the place of coatqc's package {name!r}; "
                "rename it or start from another folder"
            )
    return lines
