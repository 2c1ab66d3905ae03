from .incoming import from_spectrochempy as from_spectrochempy
from .outgoing import to_spectrochempy as to_spectrochempy
