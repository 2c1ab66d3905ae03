from .dose import dose_profile as dose_profile
from .dose import primary_ion_dose as primary_ion_dose
from .dose import with_dose as with_dose
from .dose_fit import DoseFit as DoseFit
from .dose_fit import fit_dose_profile as fit_dose_profile
