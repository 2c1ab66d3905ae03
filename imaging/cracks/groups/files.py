"""What do the cross-sections in many files show?"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from glob import glob
from pathlib import Path
from typing import NamedTuple

import xarray as xr

from coatcore.display import Sheet, shown
from coatcore.errors import CoatqcError, MeasurementError
from coatcore.estimate import estimate_row
from imaging.cracks.find import find_cracks
from imaging.cracks.result import Cracks
from imaging.particles.parameters import CrackParameters

# Bytes of files from which starting processes pays.
_WORTH_IT = 8 * 2**20
Progress = Callable[[str, int, int], None]


def _sheet(files: CrackFiles) -> Sheet:
    rows: list[tuple[str, ...]] = [
        (*estimate_row(path.name, cracks.crack_area_fraction), "")
        for path, cracks in files[0].items()
    ]
    rows += [(path.name, "", "", "", reason) for path, reason in files[1].items()]
    heads = ("file", "crack area fraction", "interval", "n", "refused")
    return Sheet(f"CrackFiles: {len(files[0])} measured, {len(files[1])} refused", heads, rows, ())


@shown(sheet=_sheet)
class CrackFiles(NamedTuple):
    """Cracks of every file that could be measured, and why the others could not.

    Parameters
    ----------
    found : dict of pathlib.Path to Cracks
        In the order in which the files were given.
    refused : dict of pathlib.Path to str
        Reasons.

    Examples
    --------
    >>> CrackFiles({}, {Path("a.tif"): "a.tif: is a colour image"}).refused[Path("a.tif")]
    'a.tif: is a colour image'
    """

    found: dict[Path, Cracks]
    refused: dict[Path, str]


def find_cracks_in_files(
    paths: Iterable[str | Path] | str,
    parameters: CrackParameters | None = None,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> CrackFiles:
    """`find_cracks` of many files, each in a process of its own; one bad file loses only itself.

    As every program that starts processes, a script that calls this keeps its own work below
    ``if __name__ == "__main__":``.

    Parameters
    ----------
    paths : iterable of str or pathlib.Path, or str
        Files of one image each; one text may be a pattern such as ``"sem/*.tif"``.
    parameters : CrackParameters, optional
        For all of them.
    workers : int, optional
        Processes; by default one a processor, or 1, which stays in this process, where there is
        too little to do for starting them.
    progress : callable, optional
        Called as ``progress(what, done, total)`` after each file, in order.

    Returns
    -------
    CrackFiles

    Raises
    ------
    ValueError
        If `workers` is below 1.
    MeasurementError
        If a pattern matches nothing, or processes cannot be started.

    Examples
    --------
    >>> import tempfile
    >>> from imaging import simulate_sem
    >>> from imaging.write import write_zeiss_tiff
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_zeiss_tiff(simulate_sem(2)[0], folder / "a.tif")
    >>> files = find_cracks_in_files([folder / "a.tif", folder / "none.tif"], workers=1)
    >>> [p.name for p in files.found], [p.name for p in files.refused]
    (['a.tif'], ['none.tif'])
    """
    files = _files(paths)
    if workers is None:
        work = sum(f.stat().st_size for f in files if f.is_file())
        workers = (os.cpu_count() or 1) if work > _WORTH_IT else 1
    if workers < 1:
        raise ValueError(f"workers is {workers}, expected 1 or more")
    workers = min(workers, len(files))
    tell = progress or (lambda what, done, total: None)
    look = partial(_look, parameters=parameters)
    result = CrackFiles({}, {})
    if workers <= 1:
        _collect(result, files, map(look, files), tell)
        return result
    # Forked processes inherit threads' locks; spawned ones start clean on every system.
    context = multiprocessing.get_context("spawn")
    try:
        with ProcessPoolExecutor(workers, mp_context=context) as pool:
            _collect(result, files, pool.map(look, files), tell)
    except BrokenProcessPool as error:
        raise MeasurementError(
            "a process ended before its work was done: a script must call this below "
            'if __name__ == "__main__":, or there was too little memory (give workers=1)'
        ) from error
    return result


def _files(paths: Iterable[str | Path] | str | Path) -> list[Path]:
    if not isinstance(paths, (str, Path)):
        return [Path(p) for p in paths]
    one = Path(paths)
    if one.exists():
        return [one]
    found = sorted(Path(p) for p in glob(str(paths), recursive=True))  # noqa: PTH207
    if not found:
        raise MeasurementError(f"{paths}: no file of that name or pattern")
    return found


def _look(path: Path, *, parameters: CrackParameters | None) -> Cracks | str:
    from coatcore.reading.registry import read

    try:
        image = read(path, kind="image")
        if not isinstance(image, xr.DataArray):
            return f"{path}: holds several variables, expected one image"
        return find_cracks(image, parameters)
    except CoatqcError as error:
        return str(error)


def _collect(
    result: CrackFiles, files: list[Path], looks: Iterable[Cracks | str], tell: Progress
) -> None:
    for done, (path, seen) in enumerate(zip(files, looks, strict=True), start=1):
        if isinstance(seen, str):
            result.refused[path] = seen
        else:
            result.found[path] = seen
        tell(path.name, done, len(files))
