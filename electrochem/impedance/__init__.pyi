from . import models as models
from .circuit_fit import CircuitFit as CircuitFit
from .circuit_fit import fit_circuit as fit_circuit
from .consistency import KramersKronig as KramersKronig
from .consistency import kramers_kronig as kramers_kronig
