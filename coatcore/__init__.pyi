from .conventions import require_valid as require_valid
from .conventions import validate as validate
from .errors import CoatqcError as CoatqcError
from .errors import MeasurementError as MeasurementError
from .errors import ReadError as ReadError
from .errors import RecipeError as RecipeError
from .errors import StoreError as StoreError
from .estimate import Estimate as Estimate
from .kinds import Dim as Dim
from .kinds import Kind as Kind
from .provenance import add_history as add_history
from .provenance import sha256_of as sha256_of
from .provenance import versions as versions
from .reading.registry import FileStart as FileStart
from .reading.registry import Reader as Reader
from .reading.registry import read as read
from .reading.registry import readers as readers
from .reading.replicates import as_replicates as as_replicates
from .reading.replicates import read_replicates as read_replicates

__version__: str
