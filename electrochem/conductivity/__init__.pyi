from .arrhenius import fit_arrhenius as fit_arrhenius
from .conductivity import coating_resistance as coating_resistance
from .conductivity import conductivities as conductivities
from .conductivity import ionic_conductivity as ionic_conductivity
from .conductivity import simulate_conductivity as simulate_conductivity
from .laws import ConductivityFit as ConductivityFit
from .laws import better_law as better_law
from .vtf import fit_vtf as fit_vtf
