"""What is measured of the files of a role, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pandas as pd
import xarray as xr
from pydantic import BaseModel

from coatcore.display import shown
from coatcore.estimate import Estimate
from coatcore.quality.memory import Memory

P = TypeVar("P")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Inputs(Generic[P]):
    """What a quantity is measured from.

    Parameters
    ----------
    sample, reference : list of xarray.DataArray or xarray.Dataset
        The files of the quantity's role, as the kinds of the role say; `reference` is empty where
        none is named.
    parameters : pydantic.BaseModel
        The quantity's parameters, checked.
    memory : Memory
        What other quantities of the batch have made of the same files already.

    Examples
    --------
    >>> Inputs(sample=[], reference=[], parameters=None).reference
    []
    """

    sample: list[Any]
    reference: list[Any]
    parameters: P
    memory: Memory = field(default_factory=Memory, repr=False)


@shown(hide=("data", "result", "replicates"), table="table")
@dataclass(frozen=True, kw_only=True)
class Measurement(Generic[R]):
    """Outcome of a quantity: a number or a category, and what stands behind it.

    Parameters
    ----------
    estimate : Estimate or None
        For quantities that are numbers.
    category : str or None
        For quantities that are statements (``"same"``).
    result : object
        The technique's own result, for figures.
    table : pandas.DataFrame or None
        Worth reading beside the figure; column heads carry units.
    data : dict of str to xarray object
        Arrays behind the number, saved as NetCDF.
    notes : tuple of str
        What a reader of the number has to know.
    replicates : tuple of float
        What each spectrum, area or image gives by itself, in the estimate's unit; empty where
        there is no such number.

    Examples
    --------
    >>> m = Measurement(estimate=Estimate.from_standard_uncertainty(1.0, 0.1, unit="nm"))
    >>> str(m)
    '1.00(10) nm'
    """

    estimate: Estimate | None = None
    category: str | None = None
    result: R | None = None
    table: pd.DataFrame | None = None
    data: dict[str, xr.DataArray | xr.Dataset] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    replicates: tuple[float, ...] = ()

    def __str__(self) -> str:
        return str(self.estimate) if self.estimate is not None else str(self.category)


@dataclass(frozen=True, kw_only=True)
class Quantity(Generic[P, R]):
    """A named thing that can be measured on the files of one role.

    Parameters
    ----------
    name : str
        ``role.what``, as criteria name it.
    title : str
        For people; parameters in braces are filled in.
    role : str
        Role of the files that it is measured from.
    unit : str
        Unit of the estimate; ``""`` where the outcome is a category.
    needs_reference : bool
        Whether it compares the sample with a reference.
    parameters : type of pydantic.BaseModel
        What may be set in the batch file.
    measure : callable
        `Inputs` -> `Measurement`. Raises `MeasurementError` where the files do not allow it.
    categories : tuple of str
        What a categorical quantity can come out as.

    Examples
    --------
    >>> from coatcore.quality.parameters import Parameters
    >>> Quantity(name="raman.position", title="G band", role="raman", unit="cm-1",
    ...     parameters=Parameters, measure=lambda inputs: Measurement()).needs_reference
    False
    """

    name: str
    title: str
    role: str
    unit: str
    parameters: type[BaseModel]
    measure: Callable[[Inputs[P]], Measurement[R]]
    needs_reference: bool = False
    categories: tuple[str, ...] = ()
