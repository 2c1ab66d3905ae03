from .equivalence import same_spectrum as same_spectrum
from .result import SpectrumComparison as SpectrumComparison
