from .baselines import baseline as baseline, subtract_baseline as subtract_baseline
from .figures import plot_shift as plot_shift, plot_spectra as plot_spectra
from .normalization import normalize as normalize
from .position import band_position as band_position, mean_band_position as mean_band_position
from .shift import carbonyl_shift as carbonyl_shift
from .simulate import simulate_ftir as simulate_ftir, simulate_nanoir as simulate_nanoir
from .smoothing import smooth as smooth
from .write import write_dpt as write_dpt, write_jcamp as write_jcamp
