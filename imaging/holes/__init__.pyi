from .limits import UpperLimit as UpperLimit
from .pinholes import Pinholes as Pinholes
from .pinholes import find_pinholes as find_pinholes
