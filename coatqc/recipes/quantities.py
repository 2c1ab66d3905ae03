"""Every quantity that a batch file may name."""

from coatcore.quality.quantity import Quantity
from electrochem.quality import cycling, impedance
from imaging.quality import nanoir, sem, tem
from spectra.quality import quantities as infrared
from tofsims.quality import quantities as tofsims
from xrd.quality import quantities as xrd

QUANTITIES: dict[str, Quantity] = {
    quantity.name: quantity
    for module in (infrared, nanoir, sem, tem, tofsims, xrd, cycling, impedance)
    for quantity in module.QUANTITIES
}

# What a file in each role must be read as; one file is one cell where it is of cells.
KINDS_OF_ROLE: dict[str, tuple[str, ...]] = {
    "ftir": ("ir_spectrum",),
    "nanoir_spectrum": ("ir_spectrum",),
    "nanoir_map": ("image",),
    "sem": ("image",),
    "tem": ("image",),
    "tofsims": ("mass_spectrum",),
    "xrd": ("xrd_pattern",),
    "cycling": ("cycle_table", "cell_record"),
    "impedance": ("impedance_spectrum",),
}
