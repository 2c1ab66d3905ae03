"""The house as the code has it: rooms, what stands on what, and what no contract of imports sees.

``python docs/house.py`` prints the counts; ``python docs/house.py draw`` draws the rooms.
"""

from __future__ import annotations

import ast
import html
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
FLOORS = (("coatqc",), ("spectra", "imaging", "tofsims", "xrd", "electrochem"), ("coatcore",))
PACKAGES = [package for floor in FLOORS for package in floor]
DRAWING = ROOT / "docs" / "explanation" / "rooms.svg"

MOST_MODULES = 12
LONGEST_BODY = 60
# Bodies over that many lines which were there when this was first counted. It only shrinks.
LONG_BODIES = {
    "electrochem/conductivity/vtf.py:fit_vtf": 68,
    "electrochem/cycling/capacity.py:capacity_per_cycle": 79,
    "electrochem/cycling/incremental_capacity.py:differential_capacity": 73,
    "electrochem/cycling/incremental_capacity.py:peak_of_dqde": 68,
    "electrochem/diffusion/voltage_hold.py:hold_time": 61,
    "electrochem/simulating/cycling.py:simulate_record": 100,
    "electrochem/voltammetry/peak.py:oxidation_peak": 63,
}


@dataclass(frozen=True, kw_only=True)
class Room:
    """A folder of the code.

    Parameters
    ----------
    name : str
        Dotted: ``xrd.peaks``.
    sentence : str
        First line of its docstring.
    modules : tuple of str
        Names of its modules.
    level : int
        Where it stands among its siblings: above all that it imports.
    """

    name: str
    sentence: str
    modules: tuple[str, ...]
    level: int


def rooms() -> list[Room]:
    """Every folder, a package after the other, from the top floor down."""
    graph = _graph()
    levels: dict[str, int] = {}
    found = []
    for package in PACKAGES:
        levels.update(_levels(graph, package))
        for folder in _folders(package):
            name = ".".join(folder.relative_to(ROOT).parts)
            found.append(
                Room(
                    name=name,
                    sentence=_sentence(folder / "__init__.py"),
                    modules=_modules(folder),
                    level=levels.get(name, 0),
                )
            )
    return found


def _folders(package: str) -> list[Path]:
    root = ROOT / package
    return sorted({path.parent for path in root.rglob("*.py") if "__pycache__" not in path.parts})


def _modules(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(p.stem for p in folder.glob("*.py") if p.stem != "__init__"))


def _sentence(path: Path) -> str:
    words = (ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "") if path.exists() else ""
    return words.partition("\n\n")[0].replace("\n", " ")


def _graph():
    import grimp

    return grimp.build_graph(*PACKAGES, exclude_type_checking_imports=False, cache_dir=None)


def _siblings(graph, parent: str) -> dict[str, set[str]]:
    """What each child of a package imports of its siblings, with all that is below it."""
    children = graph.find_children(parent)
    imports: dict[str, set[str]] = {child: set() for child in children}
    for child in children:
        for module in {child} | graph.find_descendants(child):
            for other in graph.find_modules_directly_imported_by(module):
                if other.startswith(f"{parent}."):
                    top = ".".join(other.split(".")[: parent.count(".") + 2])
                    imports[child] |= {top} - {child}
    return imports


def _levels(graph, package: str) -> dict[str, int]:
    imports = _siblings(graph, package)
    levels = dict.fromkeys(imports, 0)
    for _ in imports:  # longest path; a circle stops here too, and its contract tells of it
        for child, below in imports.items():
            levels[child] = max([levels[other] + 1 for other in below & imports.keys()], default=0)
    return levels


def crowded() -> dict[str, int]:
    """Folders with more modules than one can oversee, and how many."""
    return {r.name: len(r.modules) for r in rooms() if len(r.modules) > MOST_MODULES}


def without_sentence() -> list[str]:
    """Folders that do not say what they are."""
    return [room.name for room in rooms() if not room.sentence]


def long_bodies() -> dict[str, int]:
    """Functions whose body, its docstring left out, has too many lines, and how many."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                    body = node.body[1:] if ast.get_docstring(node) else node.body
                    lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                    if lines > LONGEST_BODY:
                        found[f"{path.relative_to(ROOT).as_posix()}:{node.name}"] = lines
    return found


def exported(folder: Path) -> list[str]:
    """Names that the stub of a folder offers."""
    stub = folder / "__init__.pyi"
    if not stub.exists():
        return []
    found = []
    for node in ast.parse(stub.read_text("utf-8")).body:
        # ``from . import peaks`` offers a room.
        if isinstance(node, ast.ImportFrom) and node.module:
            found += [alias.asname or alias.name for alias in node.names]
    return found


def clashes() -> list[str]:
    """Modules and rooms that bear the name of what is exported beside them."""
    found = []
    for package in PACKAGES:
        for folder in _folders(package):
            beside = {*_modules(folder), *(p.name for p in folder.iterdir() if p.is_dir())}
            name = ".".join(folder.relative_to(ROOT).parts)
            found += [f"{name}.{each}" for each in sorted(beside & set(exported(folder)))]
    return found


def through_the_front_door() -> list[str]:
    """Modules that import from the top of their own package, which hides what they stand on."""
    found = []
    for package in PACKAGES:
        modules = {*_modules(ROOT / package), *(f.name for f in _folders(package))}
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom):
                    taken = {alias.name for alias in node.names} - {"__version__"}
                    # ``from xrd import figures`` names a module, which is what it stands on.
                    whole = node.module == package and taken - modules
                else:
                    whole = isinstance(node, ast.Import) and package in {a.name for a in node.names}
                if whole:
                    found.append(f"{path.relative_to(ROOT).as_posix()}:{node.lineno}")
    return found


def counts() -> dict[str, object]:
    """The counts that the tests hold, by words."""
    every = rooms()
    surface = {package: len(exported(ROOT / package)) for package in PACKAGES}
    return {
        "rooms": len(every),
        "modules": sum(len(room.modules) for room in every),
        f"most modules in a room (at most {MOST_MODULES})": max(len(r.modules) for r in every),
        "rooms without a sentence": len(without_sentence()),
        f"bodies over {LONGEST_BODY} lines": len(long_bodies()),
        "rooms or modules named like what is exported beside them": len(clashes()),
        "imports through the top of the own package": len(through_the_front_door()),
        "names at the top": f"{sum(surface.values())} "
        f"({', '.join(f'{package} {n}' for package, n in surface.items())})",
    }


# Of the drawing, in pixels.
_WIDTH, _ROW, _GAP, _PAD = 172, 19, 8, 10
_FILL = {"coatqc": "#e8eef7", "coatcore": "#eef3e6"}
_NEXT = "\n"
_STYLE = "font-family:Helvetica,Arial,sans-serif;font-size:11px"


def drawing() -> str:
    """The rooms as SVG: three floors; in a package, what stands above imports what is below."""
    every = rooms()
    parts, y, across = [], _GAP, len(FLOORS[1]) * (_WIDTH + _GAP) + _GAP
    for floor in FLOORS:
        width = (across - _GAP * (len(floor) + 1)) // len(floor)
        columns = max(1, width // _WIDTH)
        boxes = [_package(package, every, width, columns) for package in floor]
        height = max(h for _, h in boxes)
        for i, (package, (lines, _)) in enumerate(zip(floor, boxes, strict=True)):
            x = _GAP + i * (width + _GAP)
            fill = _FILL.get(package, "#f7f1e6")
            parts.append(
                f'<g transform="translate({x},{y})"><rect width="{width}" height="{height}" '
                f'rx="5" fill="{fill}" stroke="#888"/>\n{_NEXT.join(lines)}</g>'
            )
        y += height + _GAP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {across} {y}" width="{across}" '
        f'height="{y}" style="{_STYLE}" role="img" aria-label="Rooms of the code, floor by floor">'
        f'<rect width="100%" height="100%" fill="#ffffff"/>\n{_NEXT.join(parts)}</svg>\n'
    )


def _package(name: str, every: list[Room], width: int, columns: int) -> tuple[list[str], int]:
    """Lines of SVG of one package, and its height."""
    inside = [room for room in every if room.name.rpartition(".")[0] == name]
    inside.sort(key=lambda room: (-room.level, room.name))
    lines = [_text(_PAD, 20, name, weight="bold", size=17)]
    y = 30
    for level in sorted({room.level for room in inside}, reverse=True):
        beside = [room for room in inside if room.level == level]
        step = (width - _PAD) // min(columns, len(beside)) if columns > 1 else width - _PAD
        for i, room in enumerate(beside):
            column, row = (i % columns, i // columns) if columns > 1 else (0, i)
            top = y + row * (2 * _ROW + _GAP)
            left = _PAD // 2 + column * step
            below = [r for r in every if f"{r.name}.".startswith(f"{room.name}.")]
            n = sum(len(r.modules) for r in below)
            about = f"{n} module{'' if n == 1 else 's'}"
            about += f" in {len(below)} folders" if len(below) > 1 else ""
            lines.append(
                f'<rect x="{left}" y="{top}" width="{step - 4}" height="{2 * _ROW}" rx="3" '
                'fill="#ffffff" stroke="#bbb"/>'
                + _text(left + 6, top + 16, room.name.split(".")[1], weight="bold", size=14)
                + _text(left + 6, top + 31, about, size=11)
            )
        rows = -(-len(beside) // columns) if columns > 1 else len(beside)
        y += rows * (2 * _ROW + _GAP)
    own = next(room for room in every if room.name == name)
    if own.modules:
        for words in _wrapped(", ".join(own.modules), columns * 26):
            lines.append(_text(_PAD, y + 10, words, size=11))
            y += 14
    return lines, y + 8


def _wrapped(words: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(words, width)


def _text(x: int, y: int, words: str, *, weight: str = "normal", size: int = 11) -> str:
    return (
        f'<text x="{x}" y="{y}" font-weight="{weight}" font-size="{size}" fill="#222">'
        f"{html.escape(words)}</text>"
    )


def main() -> None:
    """Print the counts, or draw the rooms."""
    if sys.argv[1:] == ["draw"]:
        DRAWING.write_text(drawing(), encoding="utf-8")
        print(DRAWING.relative_to(ROOT).as_posix())
        return
    for words, number in counts().items():
        print(f"{words}: {number}")


if __name__ == "__main__":
    main()
