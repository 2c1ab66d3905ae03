from .conventions import require_valid as require_valid
from .conventions import validate as validate
from .errors import (
    CoatqcError as CoatqcError,
)
from .errors import (
    MeasurementError as MeasurementError,
)
from .errors import (
    ReadError as ReadError,
)
from .errors import (
    RecipeError as RecipeError,
)
from .errors import (
    StoreError as StoreError,
)
from .estimate import Estimate as Estimate
from .provenance import add_history as add_history
from .provenance import sha256_of as sha256_of
from .provenance import versions as versions
from .reading import FileStart as FileStart
from .reading import Reader as Reader
from .reading import read as read
from .reading import readers as readers
from .replicates import as_replicates as as_replicates
from .replicates import read_replicates as read_replicates
