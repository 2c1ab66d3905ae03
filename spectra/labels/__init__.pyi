from .along_axis import require_spectrum as require_spectrum
from .labels import labelled_cube as labelled_cube
from .labels import labelled_spectrum as labelled_spectrum
