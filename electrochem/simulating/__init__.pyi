from .active_mass import simulate_active_mass as simulate_active_mass
from .cycling import mean_retention as mean_retention
from .cycling import simulate_cycles as simulate_cycles
from .cycling import simulate_record as simulate_record
from .impedance import simulate_impedance as simulate_impedance
from .open_circuit import simulate_ocv as simulate_ocv
from .open_circuit import simulate_rest as simulate_rest
from .voltammetry import simulate_voltammogram as simulate_voltammogram
