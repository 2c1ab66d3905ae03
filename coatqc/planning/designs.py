"""All quantities that can be planned."""

from __future__ import annotations

from coatcore.quality.design import Design
from imaging.quality.image_plans import ELECTRONS
from imaging.quality.map_plans import NANOIR
from spectra.quality.plans import INFRARED
from tofsims.quality.plans import SECONDARY_IONS
from xrd.quality.plans import DIFFRACTION

DESIGNS: dict[str, Design] = {
    design.quantity: design
    for design in (*INFRARED, *NANOIR, *ELECTRONS, *SECONDARY_IONS, *DIFFRACTION)
}
