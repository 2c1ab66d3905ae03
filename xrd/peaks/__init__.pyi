from .background import estimate_background as estimate_background
from .background import subtract_background as subtract_background
from .find import find_peaks as find_peaks
from .fit import PeakFit as PeakFit
from .fit import fit_peaks as fit_peaks
from .kalpha2 import strip_kalpha2 as strip_kalpha2
