from .calibration.alignment import align_spectra as align_spectra
from .calibration.alignment import rebin as rebin
from .calibration.calibration import calibrate as calibrate
from .calibration.calibration import mass_accuracy as mass_accuracy
from .calibration.calibration import measured_mass as measured_mass
from .calibration.dead_time import correct_dead_time as correct_dead_time
from .calibration.lone_peak import peak_position as peak_position
from .calibration.mass_scale import DEFAULT_CALIBRANTS as DEFAULT_CALIBRANTS
from .calibration.mass_scale import MassScale as MassScale
from .calibration.mass_scale import fit_mass_scale as fit_mass_scale
from .comparing.comparison import FragmentComparison as FragmentComparison
from .comparing.comparison import GroupComparison as GroupComparison
from .comparing.comparison import compare_fragments as compare_fragments
from .comparing.comparison import compare_groups as compare_groups
from .comparing.exploration import nonnegative_factors as nonnegative_factors
from .comparing.exploration import principal_components as principal_components
from .comparing.normalization import normalize as normalize
from .comparing.normalization import normalize_points as normalize_points
from .comparing.normalizers import NormalizerComparison as NormalizerComparison
from .comparing.normalizers import compare_normalizers as compare_normalizers
from .comparing.presence import PAPER_REFERENCES as PAPER_REFERENCES
from .comparing.presence import CoatingPresence as CoatingPresence
from .comparing.presence import confirm_coating as confirm_coating
from .comparing.statistics import box_statistics as box_statistics
from .comparing.statistics import mean_intensity as mean_intensity
from .depth.dose import dose_profile as dose_profile
from .depth.dose import primary_ion_dose as primary_ion_dose
from .depth.dose import with_dose as with_dose
from .depth.dose_fit import DoseFit as DoseFit
from .depth.dose_fit import fit_dose_profile as fit_dose_profile
from .images.events import bin_images as bin_images
from .images.events import bin_spectrum as bin_spectrum
from .images.events import labelled_events as labelled_events
from .images.image_coverage import FragmentCoverage as FragmentCoverage
from .images.image_coverage import fragment_coverage as fragment_coverage
from .images.mass_images import ion_images as ion_images
from .images.mass_images import plot_ion_images as plot_ion_images
from .images.regions import polygon as polygon
from .images.regions import region_counts as region_counts
from .ions.figures import plot_boxes as plot_boxes
from .ions.interference import interferences as interferences
from .ions.ions import Ion as Ion
from .ions.ions import ion as ion
from .ions.isotopes import isotope_pattern as isotope_pattern
from .peaks.areas import peak_areas as peak_areas
from .peaks.figures import plot_peaks as plot_peaks
from .peaks.fit import fit_peaks as fit_peaks
from .peaks.fit import require_resolved as require_resolved
from .readers.imzml.images import imzml_images as imzml_images
from .simulating.scans import simulate_cube as simulate_cube
from .simulating.scans import simulate_events as simulate_events
from .simulating.spectra import (
    COATED_NCM as COATED_NCM,
)
from .simulating.spectra import (
    UNCOATED_NCM as UNCOATED_NCM,
)
from .simulating.spectra import (
    simulate_spectra as simulate_spectra,
)
from .write import write_iontof_text as write_iontof_text
