from .core import (
    CoatqcError as CoatqcError,
    Estimate as Estimate,
    MeasurementError as MeasurementError,
    ReadError as ReadError,
    RecipeError as RecipeError,
    read as read,
)

__version__: str
