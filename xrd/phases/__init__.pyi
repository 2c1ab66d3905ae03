from .lattice import Cell as Cell
from .lattice import crystallite_size as crystallite_size
from .lattice import refine_cell as refine_cell
from .phase_match import match_phases as match_phases
from .phase_match import tick_marks as tick_marks
