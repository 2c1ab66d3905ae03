"""Every quantity that a batch file may name."""

from coatqc.qc.measurement import Quantity
from coatqc.qc.quantities import infrared, nanoir, sem, tem, tofsims, xrd

QUANTITIES: dict[str, Quantity] = {
    quantity.name: quantity
    for module in (infrared, nanoir, sem, tem, tofsims, xrd)
    for quantity in module.QUANTITIES
}

# What a file in each role must be read as.
KIND_OF_ROLE = {
    "ftir": "ir_spectrum",
    "nanoir_spectrum": "ir_spectrum",
    "nanoir_map": "image",
    "sem": "image",
    "tem": "image",
    "tofsims": "mass_spectrum",
    "xrd": "xrd_pattern",
}
