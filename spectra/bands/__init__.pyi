from .figures import plot_bands as plot_bands
from .figures import plot_shift as plot_shift
from .fit import fit_bands as fit_bands
from .position import band_position as band_position
from .position import mean_band_position as mean_band_position
from .shift import Shift as Shift
from .shift import carbonyl_shift as carbonyl_shift
from .suspicion import band_warnings as band_warnings
