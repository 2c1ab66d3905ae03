"""What do other libraries give of the same files, and of the same spectra?

    COATQC_REFERENCE=... COATQC_FIELD=... python benchmarks/libraries.py

Those that are importable are tried: ``pip install jcamp ncempy rosettasciio spc-io`` and ``pip
install --no-build-isolation --no-deps spc-spectra`` (its build needs a NumPy that it does not ask
for) beside the development environment, which has impedance.py, galvani and SpectroChemPy. Printed
is a table of what each gives, as numbers, so that a reader sees who is right: points and ends of
the axis, ends of the values, or pixels and their size.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import time
import warnings
import zipfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

REFERENCE = Path(os.environ.get("COATQC_REFERENCE", "../shared/reference"))
FIELD = Path(os.environ.get("COATQC_FIELD", "../shared/field"))


def curve(x: Any, y: Any) -> str:
    x, y = np.asarray(x, float), np.asarray(y, float)
    return (
        f"{x.size} points, {x[0]:.6g} to {x[-1]:.6g}, values {np.nanmin(y):.4g} to "
        f"{np.nanmax(y):.4g}"
    )


def pixels(shape: Any, size: Any, unit: str) -> str:
    return f"{'×'.join(map(str, shape))} pixels of {float(size):.6g} {unit}".strip()


def by_coatqc(path: Path) -> str:
    from coatqc import read

    found = read(path)
    if "frequency" in found.dims:
        z = np.asarray(found.values).ravel()
        return (
            f"{z.size} points, {float(found['frequency'][0]):.6g} to "
            f"{float(found['frequency'][-1]):.6g} Hz, first {z[0]:.5g} ohm"
        )
    if {"y", "x"} <= set(found.dims):
        step = abs(float(found["x"][1] - found["x"][0]))
        return pixels(found.shape, step, found["x"].attrs["units"])
    axis = found[found.dims[-1]]
    rows = found.values.reshape(-1, axis.size)
    more = f" ({len(rows)} spectra)" if len(rows) > 1 else ""
    return curve(axis, rows[0]) + more


def by_jcamp(path: Path) -> str:
    import jcamp

    found = jcamp.readfile(str(path))
    return curve(found["x"], found["y"]) + f" {found.get('yunits', '')}"


def by_ncempy(path: Path) -> str:
    if path.suffix == ".mrc":
        from ncempy.io import mrc

        found = mrc.mrcReader(str(path))
        return pixels(found["data"].shape, found["pixelSize"][-1], found["pixelUnit"])
    if path.suffix == ".emd":
        from ncempy.io import emdVelox

        with emdVelox.fileEMDVelox(str(path)) as file:
            data, meta = file.get_dataset(0)
            return pixels(data.shape, meta["pixelSize"][-1], str(meta.get("pixelUnit", "")))
    from ncempy.io import dm

    found = dm.dmReader(str(path))
    return pixels(found["data"].shape, found["pixelSize"][-1], str(found["pixelUnit"][-1]))


def by_rosettasciio(path: Path) -> str:
    readers = {".dm3": "digitalmicrograph", ".dm4": "digitalmicrograph", ".mrc": "mrc",
               ".emd": "emd", ".tif": "tiff", ".spc": "unknown", ".jdx": "unknown"}  # fmt: skip
    module = importlib.import_module(f"rsciio.{readers[path.suffix]}")
    found = module.file_reader(str(path))
    axis = found[0]["axes"][-1]
    more = f" ({len(found)} datasets)" if len(found) > 1 else ""
    return pixels(found[0]["data"].shape, axis["scale"], str(axis["units"])) + more


def by_spc_io(path: Path) -> str:
    import spc_io

    with path.open("rb") as file:
        found = spc_io.SPC.from_bytes_io(file)
    part = found[0]
    return curve(part.xarray, part.yarray)


def by_spc_spectra(path: Path) -> str:
    import spc_spectra

    found = spc_spectra.File(str(path))
    part = found.sub[0]
    return curve(found.x if len(found.x) else part.x, part.y)


def by_impedance(path: Path) -> str:
    from impedance import preprocessing

    known = {".dta": "gamry", ".z": "zplot", ".par": "versastudio", ".mpt": "biologic"}
    f, z = preprocessing.readFile(str(path), instrument=known.get(path.suffix.lower()))
    return f"{z.size} points, {f[0]:.6g} to {f[-1]:.6g} Hz, first {z[0]:.5g} ohm"


def by_spectrochempy(path: Path) -> str:
    import spectrochempy as scp

    readers = {".spa": scp.read_omnic, ".spg": scp.read_omnic, ".jdx": scp.read_jcamp}
    found = readers.get(path.suffix.lower(), scp.read_opus)(path)
    if found is None:
        return "None, and no word why"
    data = np.asarray(found.data)
    named = f" {found.title} in {found.units} over {found.x.title} in {found.x.units}"
    return curve(found.x.data, data.reshape(-1, data.shape[-1])[0]) + named


FILES: tuple[tuple[str, Callable[[Path], str], str], ...] = (
    ("jcamp", by_jcamp, "field/cases/u05.jdx"),
    ("jcamp", by_jcamp, "field/cases/rep_a_fraction.jdx"),
    ("jcamp", by_jcamp, "field/cases/rep_b_percent.jdx"),
    ("ncempy", by_ncempy, "reference/imaging/rsciio_test-1.dm3"),
    ("ncempy", by_ncempy, "reference/imaging/rsciio_test-10.dm4"),
    ("ncempy", by_ncempy, "reference/imaging/test_dm_image_um_unit.dm3"),
    ("ncempy", by_ncempy, "field/cases/dmTest_float32_nonSquare_diffPixelSize.dm3"),
    ("ncempy", by_ncempy, "field/cases/mrc_1A.mrc"),
    ("ncempy", by_ncempy, "field/cases/mrc_fei2pad.mrc"),
    ("ncempy", by_ncempy, "field/cases/mrc_stale_ext.mrc"),
    ("ncempy", by_ncempy, "field/cases/img_fft_even.emd"),
    ("ncempy", by_ncempy, "reference/imaging/rsciio_fei_example_tem_stack.emd"),
    ("rosettasciio", by_rosettasciio, "reference/imaging/rsciio_test-1.dm3"),
    ("rosettasciio", by_rosettasciio, "reference/imaging/test_dm_image_um_unit.dm3"),
    ("rosettasciio", by_rosettasciio, "field/cases/dmTest_float32_nonSquare_diffPixelSize.dm3"),
    ("rosettasciio", by_rosettasciio, "field/cases/mrc_stale_ext.mrc"),
    ("rosettasciio", by_rosettasciio, "field/cases/mrc_nomap.mrc"),
    ("rosettasciio", by_rosettasciio, "field/cases/zeiss_512px_no_image_pixel_size.tif"),
    ("rosettasciio", by_rosettasciio, "field/cases/fei_halved.tif"),
    ("rosettasciio", by_rosettasciio, "field/cases/ij_microns.tif"),
    ("rosettasciio", by_rosettasciio, "field/cases/img_fft_even.emd"),
    ("rosettasciio", by_rosettasciio, "reference/imaging/rsciio_fei_example_tem_stack.emd"),
    ("spc-io", by_spc_io, "field/cases/sub0.spc"),
    ("spc-io", by_spc_io, "field/cases/s16.spc"),
    ("spc-io", by_spc_io, "field/cases/raman_atacamit.spc"),
    ("spc-spectra", by_spc_spectra, "field/cases/sub0.spc"),
    ("spc-spectra", by_spc_spectra, "field/cases/s16.spc"),
    ("spc-spectra", by_spc_spectra, "field/cases/raman_atacamit.spc"),
    ("SpectroChemPy", by_spectrochempy, "reference/ir/interfero.SPA"),
    ("SpectroChemPy", by_spectrochempy, "reference/ir/3-SILICA_0.SPA"),
    ("SpectroChemPy", by_spectrochempy, "reference/ir/opus_background.0"),
    ("SpectroChemPy", by_spectrochempy, "reference/ir/peach_juice.0"),
    ("SpectroChemPy", by_spectrochempy, "reference/ir/not_opus.spa"),
    ("impedance.py", by_impedance, "reference/electrochem/exampleDataGamry.DTA"),
    ("impedance.py", by_impedance, "reference/electrochem/exampleDataGamryABORT.DTA"),
    ("impedance.py", by_impedance, "reference/electrochem/exampleDataZPlot.z"),
    ("impedance.py", by_impedance, "field/cases/B09_zplot_decimal_comma.z"),
    ("impedance.py", by_impedance, "field/cases/B26_gamry_comma.dta"),
    ("impedance.py", by_impedance, "reference/electrochem/exampleDataBioLogic.mpt"),
)
_PACKAGES = {
    "spc-io": "spc-io",
    "SpectroChemPy": "spectrochempy",
    "impedance.py": "impedance",
}


def version(library: str) -> str:
    try:
        return metadata.version(_PACKAGES.get(library, library))
    except metadata.PackageNotFoundError:
        return ""


def licence(library: str) -> str:
    """What the package's own metadata state, which may lie in any of three fields."""
    about = metadata.metadata(_PACKAGES.get(library, library))
    classes = [c for c in about.get_all("Classifier") or [] if c.startswith("License")]
    fields = (about["License-Expression"], about["License"], *classes)
    return "; ".join(field.splitlines()[0] for field in fields if field) or "states no licence"


def said(read: Callable[[Path], str], path: Path) -> str:
    """What a reader gives, or the first line of what it raises; what it prints is swallowed."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            return read(path)
        except Exception as error:
            lines = str(error).splitlines()
            first = lines[0].replace(str(path), path.name) if lines else ""
            return f"{type(error).__name__}: {first}"[:150]


def files() -> None:
    roots = {"reference": REFERENCE, "field": FIELD}
    print("| library | file | it gives | coatqc gives |\n|---|---|---|---|")
    for library, read, name in FILES:
        root, _, rest = name.partition("/")
        path = roots[root] / rest
        if not path.exists() or not version(library):
            print(f"| {library} | {path.name} | {'no file' if version(library) else 'absent'} | |")
            continue
        print(f"| {library} | {path.name} | {said(read, path)} | {said(by_coatqc, path)} |")


def zipped() -> None:
    """Two kinds of TIFF that lie in archives."""
    for archive in ("tiff_Zeiss_SEM.zip", "tiff_FEI_Helios.zip", "TVIPS_bin4.zip"):
        with TemporaryDirectory() as folder, zipfile.ZipFile(REFERENCE / "imaging" / archive) as z:
            for member in sorted(n for n in z.namelist() if n.endswith(".tif"))[:2]:
                path = Path(z.extract(member, folder))
                if version("rosettasciio"):
                    one, other = said(by_rosettasciio, path), said(by_coatqc, path)
                    print(f"| rosettasciio | {archive}: {path.name} | {one} | {other} |")


def fits(count: int = 200) -> None:
    """Coverage of the intervals of impedance.py's fits and of coatqc's, on the same spectra."""
    from impedance.models.circuits import CustomCircuit

    from electrochem import fit_circuit
    from electrochem.labels import label_impedance

    truth = {"R0": 5.0, "R1": 40.0, "C1": 2e-5, "R2": 100.0, "C2": 5e-3}
    frequency = np.logspace(5, -2, 50)
    w = 2 * np.pi * frequency
    clean = truth["R0"] + sum(
        truth[f"R{k}"] / (1 + 1j * w * truth[f"R{k}"] * truth[f"C{k}"]) for k in (1, 2)
    )
    for drift in (1.0, 0.2):
        held = {"impedance.py": 0, "impedance.py, weighted by modulus": 0, "coatqc": 0}
        spent = dict.fromkeys(held, 0.0)
        failed = dict.fromkeys(held, 0)
        rng = np.random.default_rng(1)
        for _ in range(count):
            noise = rng.normal(size=(2, w.size)) * 0.002 * np.abs(clean)
            z = clean + noise[0] + 1j * noise[1]
            start = [value * drift for value in truth.values()]
            for name in list(held)[:2]:
                began = time.perf_counter()
                try:
                    circuit = CustomCircuit("R0-p(R1,C1)-p(R2,C2)", initial_guess=start)
                    with warnings.catch_warnings():
                        warnings.simplefilter("ignore")
                        circuit.fit(frequency, z, weight_by_modulus="weighted" in name)
                    off = abs(circuit.parameters_[3] - truth["R2"])
                    held[name] += off < 1.96 * circuit.conf_[3]
                except Exception:
                    failed[name] += 1
                spent[name] += time.perf_counter() - began
            began = time.perf_counter()
            labelled = label_impedance(frequency, z)
            fit = fit_circuit(
                labelled, "R0-p(R1,C1)-p(R2,C2)", start=dict(zip(truth, start, strict=True))
            )
            found = fit.estimate("R2")
            held["coatqc"] += found.lower < truth["R2"] < found.upper
            spent["coatqc"] += time.perf_counter() - began
        for name in held:
            print(
                f"| {name} | start {drift:g} times the truth | {100 * held[name] / count:.1f} % of "
                f"{count} intervals hold R2, {failed[name]} fits failed | "
                f"{1000 * spent[name] / count:.0f} ms |"
            )


if __name__ == "__main__":
    for library in dict.fromkeys(name for name, *_ in FILES):
        facts = version(library)
        print(f"{library} {facts}: {licence(library)}" if facts else f"{library} (not installed)")
    files()
    zipped()
    fits()
