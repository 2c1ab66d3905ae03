from .areas import peak_areas as peak_areas
from .figures import plot_peaks as plot_peaks
from .fit import fit_peaks as fit_peaks
from .fit import require_resolved as require_resolved
