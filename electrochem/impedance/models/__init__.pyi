from .circuit import Circuit as Circuit
from .circuit import parse_circuit as parse_circuit
from .finite_space import distributed_impedance as distributed_impedance
from .finite_space import finite_space_impedance as finite_space_impedance
from .transmission_lines import cathode_resistance as cathode_resistance
from .transmission_lines import direct_current_resistance as direct_current_resistance
from .transmission_lines import transmission_line as transmission_line
