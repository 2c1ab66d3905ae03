from .artefacts import add_artefacts as add_artefacts
from .artefacts import simulate_height as simulate_height
from .cracks import (
    Cracks as Cracks,
)
from .cracks import (
    crack_area_fraction as crack_area_fraction,
)
from .cracks import (
    find_cracks as find_cracks,
)
from .crosstalk import Crosstalk as Crosstalk
from .crosstalk import remove_crosstalk as remove_crosstalk
from .despiking import Despiked as Despiked
from .despiking import despike as despike
from .figures import plot_image as plot_image
from .laser_power import normalize_power as normalize_power
from .levelling import align_rows as align_rows
from .levelling import remove_drift as remove_drift
from .levelling import remove_plane as remove_plane
from .map_preparation import PreparedMap as PreparedMap
from .map_preparation import Step as Step
from .map_preparation import prepare_map as prepare_map
from .particles import find_particles as find_particles
from .pinhole_limits import UpperLimit as UpperLimit
from .pinholes import Pinholes as Pinholes
from .pinholes import find_pinholes as find_pinholes
from .simulate import simulate_nanoir_map as simulate_nanoir_map
from .simulate import simulate_sem as simulate_sem
from .write import write_gsf as write_gsf
from .write import write_zeiss_tiff as write_zeiss_tiff
