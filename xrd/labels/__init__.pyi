from .angles import d_spacing as d_spacing
from .angles import scattering_vector as scattering_vector
from .angles import to_wavelength as to_wavelength
from .angles import two_theta_from_d as two_theta_from_d
from .angles import two_theta_from_q as two_theta_from_q
from .labels import labelled_pattern as labelled_pattern
from .labels import require_pattern as require_pattern
