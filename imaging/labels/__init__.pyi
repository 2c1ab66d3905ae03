from .data_bar import cut_data_bar as cut_data_bar
from .data_bar import find_data_bar as find_data_bar
from .figures import plot_image as plot_image
from .labels import labelled_image as labelled_image
from .labels import pixel_size as pixel_size
from .requirements import require_image as require_image
