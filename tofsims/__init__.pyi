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
from .figures import plot_boxes as plot_boxes
from .ions import Ion as Ion
from .ions import ion as ion
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
from .simulate import (
    COATED_NCM as COATED_NCM,
)
from .simulate import (
    UNCOATED_NCM as UNCOATED_NCM,
)
from .simulate import (
    simulate_spectra as simulate_spectra,
)
from .statistics import box_statistics as box_statistics
from .statistics import mean_intensity as mean_intensity
from .write import write_iontof_text as write_iontof_text
