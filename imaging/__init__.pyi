from .cracks import (
    Cracks as Cracks,
    crack_area_fraction as crack_area_fraction,
    find_cracks as find_cracks,
)
from .figures import plot_image as plot_image
from .particles import find_particles as find_particles
from .pinholes import Pinholes as Pinholes, find_pinholes as find_pinholes
from .simulate import simulate_nanoir_map as simulate_nanoir_map, simulate_sem as simulate_sem
from .write import write_gsf as write_gsf, write_zeiss_tiff as write_zeiss_tiff
