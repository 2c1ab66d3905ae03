from .interference import interferences as interferences
from .ions import Ion as Ion
from .ions import ion as ion
from .isotopes import isotope_pattern as isotope_pattern
