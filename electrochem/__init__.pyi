from .labels import label_cycles as label_cycles
from .labels import label_impedance as label_impedance
from .labels import label_record as label_record
