"""The demo batch: the paper's story in simulated files, with the truth beside them.

Shi et al., J. Mater. Chem. A 2025, 13, 2600. Instrument settings are the paper's; the authors'
raw data are not public, so every file says that it is simulated.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

import imaging
import spectra
import tofsims
import xrd
from coatqc.twin.demo_cells import GROWTH, write_cells

README = """Simulated by coatqc, not measured.

The story of Shi et al., J. Mater. Chem. A 2025, 13, 2600, at the paper's instrument settings.
batch.toml asks, truth.toml answers. Made again, bit for bit, by `coatqc demo`.
"""

# Truths that the simulation is set to; the paper's figures where it gives them.
PVP, BLEND, COATED_PARTICLE = 1669.0, 1656.0, 1657.5  # C=O stretch, cm-1
COVERAGE = 0.998
DEGRADED_UNCOATED = {"PO2-": 2.4, "PO3-": 2.6}  # growth over 152 cycles
DEGRADED_COATED = {"PO2-": 1.3, "PO3-": 1.35}

GROUPS = ("uncoated", "coated", "uncoated_152", "coated_152")

BATCH = (
    """# The demo batch of coatqc: simulated, not measured.
schema_version = 1
name = "sPPSLi/PVP on NCM, demo batch"
description = "Polymer-coated NCM particles before and after 152 cycles, after Shi et al. 2025."
simulated = true

[samples.coated]
description = "NCM with 1 wt% sPPSLi/PVP, pristine"
nanoir_spectrum = "nanoir/coated_*.dpt"
nanoir_map = "nanoir/coated_1677.gsf"
tofsims = "tofsims/coated_?.txt"
sem = "sem/coated.tif"
tem = "tem/coated_*.mrc"
impedance = "impedance/coated_1_?.csv"

[samples.coated_152]
description = "the same after 152 cycles"
tofsims = "tofsims/coated_152_?.txt"
sem = "sem/coated_152_*.tif"
cycling = "cycling/coated_?.csv"
impedance = "impedance/coated_152_?.csv"

[samples.blend_80C]
description = "sPPSLi/PVP with Li6PS5Cl after 24 h at 80 °C"
ftir = "ftir/heated_?.jdx"
xrd = "xrd/blend_li6ps5cl_80C.xrdml"

[references.uncoated]
description = "pristine NCM"
tofsims = "tofsims/uncoated_?.txt"
sem = "sem/uncoated.tif"
impedance = "impedance/uncoated_1_?.csv"

[references.uncoated_152]
description = "uncoated NCM after 152 cycles"
tofsims = "tofsims/uncoated_152_?.txt"
sem = "sem/uncoated_152_*.tif"
cycling = "cycling/uncoated_?.csv"
impedance = "impedance/uncoated_152_?.csv"

[references.pvp]
description = "PVP"
ftir = "ftir/pvp_*.jdx"

[references.blend]
description = "sPPSLi/PVP as cast"
ftir = "ftir/blend_*.jdx"
nanoir_spectrum = "nanoir/blend_*.dpt"

[references.li6ps5cl]
description = "pristine Li6PS5Cl"
xrd = "xrd/li6ps5cl.xrdml"

[[criteria]]
title = "The polymers have blended: carbonyl shift from PVP"
quantity = "ftir.carbonyl_shift"
sample = "blend"
reference = "pvp"
max = -8.0

[[criteria]]
title = "The blend's spectrum bears 80 °C beside Li6PS5Cl"
quantity = "ftir.same_spectrum"
sample = "blend_80C"
reference = "blend"
equals = "same"
parameters = { smallest_relevant = 0.2 }

[[criteria]]
title = "The coating closes over the particle"
quantity = "nanoir_map.coverage"
sample = "coated"
min = 0.95

[[criteria]]
title = "The coating on the particle is the blend"
quantity = "nanoir_spectrum.carbonyl_shift"
sample = "coated"
reference = "blend"
min = -5.0
max = 5.0

[[criteria]]
title = "The particle shows the fragments of both polymers"
quantity = "tofsims.coating"
sample = "coated"
equals = "present"

[[criteria]]
title = "The coating is 1 to 3 nm thick"
quantity = "tem.coating_thickness"
sample = "coated"
min = 1.0
max = 3.0

[[criteria]]
title = "Less PO2- than without coating after 152 cycles"
quantity = "tofsims.intensity_ratio"
sample = "coated_152"
reference = "uncoated_152"
max = 0.8
parameters = { fragment = "PO2-", also = ["PS-"] }

[[criteria]]
title = "Less PO3- than without coating after 152 cycles"
quantity = "tofsims.intensity_ratio"
sample = "coated_152"
reference = "uncoated_152"
max = 0.8
parameters = { fragment = "PO3-", also = ["PSO-"] }

[[criteria]]
title = "Fewer cracks than without coating after 152 cycles"
quantity = "sem.crack_area_fraction_difference"
sample = "coated_152"
reference = "uncoated_152"
max = 0.0

[[criteria]]
title = "The cell keeps more capacity than without coating after 152 cycles"
quantity = "cycling.retention_gain"
sample = "coated_152"
reference = "uncoated_152"
min = 0.0
parameters = { cycle = 152 }

[[criteria]]
title = "The cathode's resistance has grown less than sixfold after 152 cycles"
quantity = "impedance.r_cathode_growth"
sample = "coated_152"
reference = "coated"
max = 6.0
"""
    + GROWTH
    + """
[[criteria]]
title = "Li6PS5Cl bears the blend at 80 °C"
quantity = "xrd.verdict"
sample = "blend_80C"
reference = "li6ps5cl"
equals = "same"

[[criteria]]
title = "No new phase after 80 °C"
quantity = "xrd.largest_new_peak"
sample = "blend_80C"
reference = "li6ps5cl"
max = 0.03
"""
)


def make_demo(folder: str | Path) -> Path:
    """Write the demo batch: files, batch.toml and truth.toml.

    Parameters
    ----------
    folder : path-like
        Made if it is absent; files of the same names are replaced.

    Returns
    -------
    pathlib.Path
        The batch file.

    Examples
    --------
    >>> import tempfile
    >>> make_demo(tempfile.mkdtemp()).name
    'batch.toml'
    """
    folder = Path(folder)
    for name in ("ftir", "nanoir", "tofsims", "xrd", "sem", "tem"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    truth: dict[str, float | str] = {}
    _infrared(folder, truth)
    _tofsims(folder, truth)
    _diffraction(folder, truth)
    _microscopy(folder, truth)
    _coating(folder, truth)
    observations = "".join(_observations())
    for key, value in write_cells(folder).items():
        truth[truth_key(*key)] = value
    for group in ("coated_152", "uncoated_152"):
        truth[truth_key("impedance.kramers_kronig", group, None)] = "consistent"
    (folder / "batch.toml").write_bytes((BATCH + observations).encode())
    (folder / "README.txt").write_bytes(README.encode())
    lines = [f"{_quoted(key)} = {_toml(value)}" for key, value in truth.items()]
    head = "# What the files were simulated from; keys: quantity, sample, reference, fragment.\n"
    (folder / "truth.toml").write_bytes((head + "\n".join(lines) + "\n").encode())
    return folder / "batch.toml"


def truth_key(quantity: str, sample: str, reference: str | None, fragment: str = "") -> str:
    """Key of truth.toml for one measured quantity.

    Examples
    --------
    >>> truth_key("xrd.verdict", "a", "b")
    'xrd.verdict a b'
    """
    return " ".join(part for part in (quantity, sample, reference or "", fragment) if part)


def _quoted(key: str) -> str:
    return f'"{key}"'


def _toml(value: float | str) -> str:
    return _quoted(value) if isinstance(value, str) else f"{value:.9g}"


def _observations() -> list[str]:
    items = [("tem.covered", "coated", "")]
    for group in ("coated_152", "uncoated_152"):
        items += [("cycling.retention", group, "cycle = 152")]
        items += [("impedance.kramers_kronig", group, "")]
    items += [("sem.crack_area_fraction", group, "") for group in GROUPS]
    fragments = {"PO2-": "PS-", "PO3-": "PSO-", "C3H6NO-": "C4-", "58NiO2-": "60NiO2-"}
    items += [
        ("tofsims.normalized_intensity", group, f'fragment = "{fragment}", also = ["{also}"]')
        for fragment, also in fragments.items()
        for group in GROUPS
    ]
    growth = (
        '\n[[observations]]\nquantity = "impedance.r_cathode_growth"\nsample = "uncoated_152"\n'
        f'reference = "uncoated"\n{GROWTH}'
    )
    return [
        f'\n[[observations]]\nquantity = "{quantity}"\nsample = "{sample}"\n'
        + (f"parameters = {{ {parameters} }}\n" if parameters else "")
        for quantity, sample, parameters in items
    ] + [growth]


def _infrared(folder: Path, truth: dict[str, float | str]) -> None:
    # A band comes to lie a little elsewhere each time the sample is pressed onto the crystal.
    rng = np.random.default_rng(150)
    made_of = (("pvp", PVP, 100), ("blend", BLEND, 200), ("heated", BLEND, 250))
    for name, position, seed in made_of:
        for i, place in enumerate(position + rng.normal(0, 0.3, 3)):
            made, _ = spectra.simulate_ftir(seed + i, carbonyl_position=place)
            spectra.write.write_jcamp(made, folder / f"ftir/{name}_{i + 1}.jdx", title=name)
    truth[truth_key("ftir.carbonyl_shift", "blend", "pvp")] = BLEND - PVP
    truth[truth_key("ftir.same_spectrum", "blend_80C", "blend")] = "same"
    rng = np.random.default_rng(300)
    for name, position, seed in (("blend", BLEND, 400), ("coated", COATED_PARTICLE, 500)):
        for i, place in enumerate(position + rng.normal(0, 0.6, 5)):
            made, _ = spectra.simulate_nanoir(seed + i, carbonyl_position=place)
            spectra.write.write_dpt(made, folder / f"nanoir/{name}_{i + 1}.dpt")
    truth[truth_key("nanoir_spectrum.carbonyl_shift", "coated", "blend")] = COATED_PARTICLE - BLEND
    image, _ = imaging.simulate_nanoir_map(600, coverage=COVERAGE, shape=(256, 256))
    imaging.write.write_gsf(image, folder / "nanoir/coated_1677.gsf")
    truth[truth_key("nanoir_map.coverage", "coated", None)] = COVERAGE


def _tofsims(folder: Path, truth: dict[str, float | str]) -> None:
    fresh = {"uncoated": tofsims.simulating.UNCOATED_NCM, "coated": tofsims.simulating.COATED_NCM}
    shares = {
        **fresh,
        "uncoated_152": _grown(tofsims.simulating.UNCOATED_NCM, DEGRADED_UNCOATED),
        "coated_152": _grown(tofsims.simulating.COATED_NCM, DEGRADED_COATED),
    }
    for seed, (group, intensities) in enumerate(shares.items(), start=700):
        made, means = tofsims.simulate_spectra(seed, n=8, intensities=intensities)
        for i, spectrum in enumerate(made, start=1):
            tofsims.write.write_iontof_text(spectrum, folder / f"tofsims/{group}_{i}.txt")
        for fragment in ("PO2-", "PO3-", "C3H6NO-", "58NiO2-"):
            key = truth_key("tofsims.normalized_intensity", group, None, fragment)
            truth[key] = means.get(fragment, 0.0)
    truth[truth_key("tofsims.coating", "coated", None)] = "present"
    for fragment in ("PO2-", "PO3-"):
        key = truth_key("tofsims.intensity_ratio", "coated_152", "uncoated_152", fragment)
        truth[key] = shares["coated_152"][fragment] / shares["uncoated_152"][fragment]


def _grown(shares: dict[str, float], factors: dict[str, float]) -> dict[str, float]:
    return {ion: share * factors.get(ion, 1.0) for ion, share in shares.items()}


def _diffraction(folder: Path, truth: dict[str, float | str]) -> None:
    pristine, _ = xrd.simulate_pattern(800)
    heated, known = xrd.simulate_pattern(801, displacement=0.02)
    xrd.write.write_xrdml(pristine, folder / "xrd/li6ps5cl.xrdml", sample="Li6PS5Cl")
    xrd.write.write_xrdml(heated, folder / "xrd/blend_li6ps5cl_80C.xrdml", sample="blend, 80 °C")
    pair = ("blend_80C", "li6ps5cl")
    truth[truth_key("xrd.verdict", *pair)] = "same"
    truth[truth_key("xrd.largest_new_peak", *pair)] = known["largest_new_peak"]


def _microscopy(folder: Path, truth: dict[str, float | str]) -> None:
    # Four images of each cycled sample: how images scatter is part of their difference.
    wanted = {"uncoated": (0.004, 1), "coated": (0.004, 1)}
    wanted |= {"uncoated_152": (0.045, 4), "coated_152": (0.015, 4)}
    held = {}
    for seed, (group, (fraction, images)) in enumerate(wanted.items(), start=900):
        parts = []
        for i in range(images):
            image, known = imaging.simulate_sem(10 * seed + i, crack_area_fraction=fraction)
            name = f"{group}.tif" if images == 1 else f"{group}_{i + 1}.tif"
            imaging.write.write_zeiss_tiff(image, folder / "sem" / name)
            parts.append(known.crack_area_fraction)
        held[group] = float(np.mean(parts))
        truth[truth_key("sem.crack_area_fraction", group, None)] = held[group]
    pair = ("coated_152", "uncoated_152")
    difference = held[pair[0]] - held[pair[1]]
    truth[truth_key("sem.crack_area_fraction_difference", *pair)] = difference


def _coating(folder: Path, truth: dict[str, float | str]) -> None:
    held = []
    for i, thickness in enumerate((1.8, 2.0, 2.2, 2.4), start=1):
        image, known = imaging.simulate_tem(
            950 + i, thickness=thickness, shape=(256, 256), pixel=0.08
        )
        # A camera counts whole electrons.
        imaging.write.write_mrc(image.round(), folder / "tem" / f"coated_{i}.mrc")
        held.append(known["thickness"])
    truth[truth_key("tem.coating_thickness", "coated", None)] = float(np.mean(held))
    truth[truth_key("tem.covered", "coated", None)] = 1.0
