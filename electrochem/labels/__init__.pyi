from .labels import label_cycles as label_cycles
from .labels import label_impedance as label_impedance
from .labels import label_record as label_record
from .per_area import capacity_in_farad as capacity_in_farad
from .per_area import impedance_per_area as impedance_per_area
