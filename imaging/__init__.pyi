from .cracks import (
    Cracks as Cracks,
)
from .cracks import (
    crack_area_fraction as crack_area_fraction,
)
from .cracks import (
    find_cracks as find_cracks,
)
from .figures import plot_image as plot_image
from .particles import find_particles as find_particles
from .pinholes import Pinholes as Pinholes
from .pinholes import find_pinholes as find_pinholes
from .simulate import simulate_nanoir_map as simulate_nanoir_map
from .simulate import simulate_sem as simulate_sem
from .write import write_gsf as write_gsf
from .write import write_zeiss_tiff as write_zeiss_tiff
