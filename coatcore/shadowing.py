"""Would a script of the user's be imported in place of one of coatqc's packages?"""

from __future__ import annotations

import importlib.util
from importlib import metadata
from pathlib import Path

from coatcore.quality.registry import ENTRY_POINTS


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
    for name in _own_packages():
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


def _own_packages() -> list[str]:
    """Packages of the techniques that are installed with coatqc; of others the home is unknown."""
    points = metadata.entry_points(group=ENTRY_POINTS)
    own = [p for p in points if p.dist is not None and p.dist.name == "coatqc"]
    return sorted({point.module.partition(".")[0] for point in own})
