from . import groups as groups
from .find import find_cracks as find_cracks
from .find import measure_cracks as measure_cracks
from .fraction import crack_area_fraction as crack_area_fraction
from .fraction import lost_contact as lost_contact
from .result import Cracks as Cracks
