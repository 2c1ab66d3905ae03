from .equivalence import same_spectrum as same_spectrum
from .figures import plot_difference as plot_difference
from .result import SpectrumComparison as SpectrumComparison
