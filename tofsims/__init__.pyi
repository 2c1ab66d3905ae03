from .alignment import align_spectra as align_spectra
from .alignment import rebin as rebin
from .areas import peak_areas as peak_areas
from .calibration import calibrate as calibrate
from .calibration import mass_accuracy as mass_accuracy
from .calibration import measured_mass as measured_mass
from .comparison import FragmentComparison as FragmentComparison
from .comparison import GroupComparison as GroupComparison
from .comparison import compare_fragments as compare_fragments
from .comparison import compare_groups as compare_groups
from .dead_time import correct_dead_time as correct_dead_time
from .dose import dose_profile as dose_profile
from .dose import primary_ion_dose as primary_ion_dose
from .dose import with_dose as with_dose
from .dose_fit import DoseFit as DoseFit
from .dose_fit import fit_dose_profile as fit_dose_profile
from .events import bin_images as bin_images
from .events import bin_spectrum as bin_spectrum
from .events import labelled_events as labelled_events
from .exploration import nonnegative_factors as nonnegative_factors
from .exploration import principal_components as principal_components
from .figures import plot_boxes as plot_boxes
from .image_coverage import FragmentCoverage as FragmentCoverage
from .image_coverage import fragment_coverage as fragment_coverage
from .interference import interferences as interferences
from .ion_images import ion_images as ion_images
from .ion_images import plot_ion_images as plot_ion_images
from .ions import Ion as Ion
from .ions import ion as ion
from .isotopes import isotope_pattern as isotope_pattern
from .mass_scale import DEFAULT_CALIBRANTS as DEFAULT_CALIBRANTS
from .mass_scale import MassScale as MassScale
from .mass_scale import fit_mass_scale as fit_mass_scale
from .normalization import normalize as normalize
from .normalization import normalize_points as normalize_points
from .normalizers import NormalizerComparison as NormalizerComparison
from .normalizers import compare_normalizers as compare_normalizers
from .peak_figures import plot_peaks as plot_peaks
from .peak_fitting import fit_peaks as fit_peaks
from .peak_fitting import require_resolved as require_resolved
from .peaks import peak_position as peak_position
from .presence import PAPER_REFERENCES as PAPER_REFERENCES
from .presence import CoatingPresence as CoatingPresence
from .presence import confirm_coating as confirm_coating
from .readers.imzml import imzml_images as imzml_images
from .regions import polygon as polygon
from .regions import region_counts as region_counts
from .simulate import (
    COATED_NCM as COATED_NCM,
)
from .simulate import (
    UNCOATED_NCM as UNCOATED_NCM,
)
from .simulate import (
    simulate_spectra as simulate_spectra,
)
from .simulate_cube import simulate_cube as simulate_cube
from .simulate_cube import simulate_events as simulate_events
from .statistics import box_statistics as box_statistics
from .statistics import mean_intensity as mean_intensity
from .write import write_iontof_text as write_iontof_text
