from .crystal import Structure as Structure
from .crystal import read_structure as read_structure
from .powder_lines import corundum_ratio as corundum_ratio
from .powder_lines import reflections as reflections
from .structure_library import reference_phases as reference_phases
from .structure_library import reference_structure as reference_structure
