from .fitted_cells import FittedCells as FittedCells
from .fitted_cells import growth_of_cells as growth_of_cells
from .fitted_cells import length_of_cells as length_of_cells
from .fitted_cells import resistance_of_cells as resistance_of_cells
