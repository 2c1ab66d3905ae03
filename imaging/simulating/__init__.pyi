from .map_artefacts import add_artefacts as add_artefacts
from .map_artefacts import simulate_height as simulate_height
from .nanoir_map import simulate_nanoir_map as simulate_nanoir_map
from .sem import SemTruth as SemTruth
from .sem import simulate_sem as simulate_sem
from .tem import simulate_tem as simulate_tem
