from coatcore import CoatqcError as CoatqcError
from coatcore import Estimate as Estimate
from coatcore import MeasurementError as MeasurementError
from coatcore import ReadError as ReadError
from coatcore import RecipeError as RecipeError
from coatcore import __version__ as __version__
from coatcore import read as read
from coatcore import read_replicates as read_replicates

from .judging import run_batch as run_batch
from .planning import plan as plan
from .recipes import load_batch as load_batch
from .report import write_report as write_report
