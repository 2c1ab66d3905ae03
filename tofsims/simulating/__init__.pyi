from .scans import simulate_cube as simulate_cube
from .scans import simulate_events as simulate_events
from .spectra import COATED_NCM as COATED_NCM
from .spectra import UNCOATED_NCM as UNCOATED_NCM
from .spectra import simulate_spectra as simulate_spectra
