"""Quantities of cells that were cycled: one file is one cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field, field_validator, model_validator

from coatcore.errors import MeasurementError
from coatcore.estimate import Estimate
from coatcore.quality.parameters import Parameters
from coatcore.quality.quantity import Inputs, Measurement, Quantity
from electrochem.cycling.capacity import capacity_per_cycle
from electrochem.cycling.retention import (
    capacity_retention,
    compare_retention,
    retention_of_group,
)

_MASS = "of active material, g, where files are records over time: a number, or one a file"


class CellParameters(Parameters):
    """What is known of the cells.

    Examples
    --------
    >>> CellParameters(mass_g=8.3e-3).mass_g
    0.0083
    """

    mass_g: float | list[float] | None = Field(default=None, description=_MASS)
    reference_mass_g: float | list[float] | None = Field(
        default=None, description="the same of the reference; by default mass_g, where one number"
    )

    @field_validator("mass_g", "reference_mass_g")
    @classmethod
    def _positive(cls, value: float | list[float] | None) -> float | list[float] | None:
        for mass in value if isinstance(value, list) else [value]:
            if mass is not None and not 0 < mass <= 10:
                raise ValueError(f"{mass:g} g is no mass of active material; 8.3 mg are 8.3e-3 g")
        return value


class RetentionParameters(CellParameters):
    """At which cycle, against which.

    Examples
    --------
    >>> RetentionParameters(cycle=152).first
    1
    """

    cycle: int = Field(ge=1, description="at which capacity is told")
    first: int = Field(
        default=1, ge=1, description="that counts as 1: after formation, at the same rate"
    )

    @model_validator(mode="after")
    def _later(self) -> RetentionParameters:
        if self.cycle <= self.first:
            raise ValueError(f"cycle {self.cycle} is not after the first one, {self.first}")
        return self


@dataclass(frozen=True, kw_only=True)
class CyclingGroup:
    """Cells of one kind, for figures.

    Examples
    --------
    >>> CyclingGroup(tables=(), retention=Estimate.from_interval(0.7, 0.6, 0.8)).tables
    ()
    """

    tables: tuple[xr.Dataset, ...]
    retention: Estimate | None


def _tables(
    cells: Sequence[xr.Dataset], mass: float | list[float] | None, key: str
) -> list[xr.Dataset]:
    """A table of cycles for each cell; records are reduced to one."""
    if isinstance(mass, list) and len(mass) != len(cells):
        raise MeasurementError(
            f"parameters.{key} holds {len(mass)} masses for {len(cells)} files; give one a file, "
            "in order of their names"
        )
    found = []
    for i, cell in enumerate(cells):
        if cell.attrs.get("kind") == "cycle_table":
            found.append(_with_efficiency(cell))
            continue
        own = mass[i] if isinstance(mass, list) else mass
        if own is None:
            own = cell.attrs.get("mass_g")
        if own is None:
            raise MeasurementError(
                f"{_name(cell)}: a record over time without the mass of active material; set "
                f"parameters.{key}, in g"
            )
        try:
            found.append(capacity_per_cycle(cell, mass_g=float(own)))
        except MeasurementError as error:
            raise MeasurementError(f"{_name(cell)}: {error}") from error
    return found


def _with_efficiency(table: xr.Dataset) -> xr.Dataset:
    """A table with its Coulomb efficiency, where both capacities are there."""
    if "coulomb_efficiency" in table or not {"charge_capacity", "discharge_capacity"} <= set(table):
        return table
    ratio = table["discharge_capacity"] / table["charge_capacity"]
    about = {"units": "1", "long_name": "Coulomb efficiency"}
    return table.assign(coulomb_efficiency=ratio.assign_attrs(about))


def _name(cell: xr.Dataset) -> str:
    return str(cell.attrs.get("source", "a cell"))


def _of_each(tables: Sequence[xr.Dataset], p: RetentionParameters) -> list[Estimate]:
    found = []
    for table in tables:
        try:
            found.append(capacity_retention(table, p.cycle, first=p.first))
        except MeasurementError as error:
            words = str(error).removeprefix("table: ")
            raise MeasurementError(f"{_name(table)}: {words}") from error
    return found


def _rows(
    tables: Sequence[xr.Dataset], own: Sequence[Estimate], p: RetentionParameters
) -> pd.DataFrame:
    head = "capacity / mAh g-1"
    return pd.DataFrame(
        {
            "cell": [_name(t) for t in tables],
            **{
                f"cycle {n}, {head}": [float(t["discharge_capacity"].sel(cycle=n)) for t in tables]
                for n in (p.first, p.cycle)
            },
            "retention": [e.value for e in own],
            "lower (95 %)": [e.lower for e in own],
            "upper (95 %)": [e.upper for e in own],
            "cycles": [t.sizes["cycle"] for t in tables],
        }
    )


def _capacities(tables: Sequence[xr.Dataset]) -> xr.Dataset:
    """Discharge capacities, dims (cell, cycle); NaN where a cell has no such cycle."""
    parts = [t["discharge_capacity"].reset_coords(drop=True) for t in tables]
    joined = xr.concat(parts, dim="cell", join="outer", combine_attrs="override")
    names = np.array([_name(t) for t in tables], dtype=object)
    about = {"units": "1", "long_name": "cell"}
    made = joined.assign_coords(cell=("cell", names, about)).to_dataset(name="discharge_capacity")
    made["cycle"].attrs = {"units": "1", "long_name": "cycle number"}
    return made


def _warnings(tables: Sequence[xr.Dataset]) -> list[str]:
    return [f"{_name(t)}: {t.attrs['warnings']}" for t in tables if t.attrs.get("warnings")]


def _group(
    tables: Sequence[xr.Dataset], own: Sequence[Estimate], p: RetentionParameters
) -> Estimate:
    if len(tables) == 1:
        return own[0]
    return retention_of_group(tables, p.cycle, first=p.first)


def _retention(inputs: Inputs) -> Measurement:
    p = inputs.parameters
    tables = _tables(inputs.sample, p.mass_g, "mass_g")
    own = _of_each(tables, p)
    estimate = _group(tables, own, p)
    notes = [f"of {len(tables)} cells; cycle {p.first} counts as 1"]
    if len(tables) == 1:
        notes = [
            f"cycle {p.first} counts as 1",
            "one cell: the interval says how well this cell is known, not what another cell of "
            "its kind would keep",
        ]
    return Measurement(
        estimate=estimate,
        result={"sample": CyclingGroup(tables=tuple(tables), retention=estimate)},
        table=_rows(tables, own, p),
        data={"cells": _capacities(tables)},
        notes=(*notes, *_warnings(tables)),
        replicates=tuple(e.value for e in own),
    )


def _gain(inputs: Inputs) -> Measurement:
    p = inputs.parameters
    for side, cells in (("sample", inputs.sample), ("reference", inputs.reference)):
        if len(cells) < 2:
            raise MeasurementError(
                f"the {side} is {len(cells)} cell, which is no group: another may fade "
                "otherwise; give at least 2 cells a side, better 3"
            )
    other = p.reference_mass_g
    if other is None and not isinstance(p.mass_g, list):
        other = p.mass_g
    sides = (
        _tables(inputs.sample, p.mass_g, "mass_g"),
        _tables(inputs.reference, other, "reference_mass_g"),
    )
    own = [_of_each(tables, p) for tables in sides]
    names = ("sample", "reference")
    gain = compare_retention(*sides, p.cycle, first=p.first, names=names)
    kept = [_group(t, e, p) for t, e in zip(sides, own, strict=True)]
    rows = [_rows(t, e, p) for t, e in zip(sides, own, strict=True)]
    for name, row in zip(names, rows, strict=True):
        row.insert(0, "side", name)
    notes = (
        f"{kept[0].concise} ({len(sides[0])} cells) against {kept[1].concise} ({len(sides[1])} "
        f"cells) of the capacity at cycle {p.first} is left at cycle {p.cycle}",
        *_warnings([*sides[0], *sides[1]]),
    )
    return Measurement(
        estimate=gain,
        result={
            name: CyclingGroup(tables=tuple(t), retention=e)
            for name, t, e in zip(names, sides, kept, strict=True)
        },
        table=pd.concat(rows, ignore_index=True),
        data={name: _capacities(t) for name, t in zip(names, sides, strict=True)},
        notes=notes,
        replicates=tuple(e.value - kept[1].value for e in own[0]),
    )


def _first_efficiency(inputs: Inputs) -> Measurement:
    tables = _tables(inputs.sample, inputs.parameters.mass_g, "mass_g")
    found = [_efficiency(table) for table in tables]
    values = np.array([value for value, _ in found])
    n = values.size
    if n == 1:
        value, u = found[0]
        if u is None:
            raise MeasurementError(
                f"{_name(tables[0])}: a table of cycles does not say how well its one efficiency "
                "is known; give the record over time, or at least 2 cells"
            )
        estimate = Estimate.from_standard_uncertainty(value, u, method="charge that came back")
        notes = ["one cell: how cells scatter is not in the interval"]
    else:
        u = float(np.std(values, ddof=1) / np.sqrt(n))
        estimate = Estimate.from_standard_uncertainty(
            float(values.mean()), u, dof=n - 1, n=n, method="mean over cells, Student's t"
        )
        notes = [f"of {n} cells"]
    table = pd.DataFrame({"cell": [_name(t) for t in tables], "Coulomb efficiency": values})
    return Measurement(
        estimate=estimate,
        result={"sample": CyclingGroup(tables=tuple(tables), retention=None)},
        table=table,
        data={"cells": _capacities(tables)},
        notes=(*notes, *_warnings(tables)),
        replicates=tuple(values.tolist()),
    )


def _efficiency(table: xr.Dataset) -> tuple[float, float | None]:
    """That of cycle 1, and its standard uncertainty where it is known."""
    if 1 not in table["cycle"].values:
        raise MeasurementError(
            f"{_name(table)}: has no cycle 1 (it begins with {int(table['cycle'][0])}), so that "
            "its first efficiency is not told"
        )
    row = table.sel(cycle=1)
    if "coulomb_efficiency" not in table:
        raise MeasurementError(
            f"{_name(table)}: names neither Coulomb efficiency nor both capacities"
        )
    value = float(row["coulomb_efficiency"])
    if not 0 < value < 2:
        raise MeasurementError(f"{_name(table)}: Coulomb efficiency {value:g} of cycle 1 cannot be")
    u = float(row["coulomb_efficiency_u"]) if "coulomb_efficiency_u" in table else None
    return value, u


QUANTITIES = (
    Quantity(
        name="cycling.retention",
        title="capacity retention at cycle {cycle}",
        role="cycling",
        unit="1",
        parameters=RetentionParameters,
        measure=_retention,
    ),
    Quantity(
        name="cycling.retention_gain",
        title="gain in capacity retention at cycle {cycle}",
        role="cycling",
        unit="1",
        needs_reference=True,
        parameters=RetentionParameters,
        measure=_gain,
    ),
    Quantity(
        name="cycling.coulombic_efficiency_first",
        title="Coulomb efficiency of the first cycle",
        role="cycling",
        unit="1",
        parameters=CellParameters,
        measure=_first_efficiency,
    ),
)
