from .core import (
    CoatqcError as CoatqcError,
)
from .core import (
    Estimate as Estimate,
)
from .core import (
    MeasurementError as MeasurementError,
)
from .core import (
    ReadError as ReadError,
)
from .core import (
    RecipeError as RecipeError,
)
from .core import (
    read as read,
)
from .core import (
    read_replicates as read_replicates,
)

__version__: str
