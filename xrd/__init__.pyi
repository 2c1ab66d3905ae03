from .comparison import Comparison as Comparison
from .comparison import compare_patterns as compare_patterns
from .figures import plot_patterns as plot_patterns
from .peaks import d_spacing as d_spacing
from .peaks import find_peaks as find_peaks
from .simulate import LI6PS5CL as LI6PS5CL
from .simulate import simulate_pattern as simulate_pattern
from .write import write_xrdml as write_xrdml
