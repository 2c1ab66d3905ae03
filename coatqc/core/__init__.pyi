from .conventions import require_valid as require_valid, validate as validate
from .errors import (
    CoatqcError as CoatqcError,
    MeasurementError as MeasurementError,
    ReadError as ReadError,
    RecipeError as RecipeError,
)
from .estimate import Estimate as Estimate
from .provenance import add_history as add_history, sha256_of as sha256_of, versions as versions
from .reading import FileStart as FileStart, Reader as Reader, read as read, readers as readers
