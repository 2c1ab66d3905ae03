"""Write a cell's record for others to read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from coatcore.errors import MeasurementError

# Names for machines of the Battery Data Format, with the factor from coatqc's unit.
_NAMES = {
    "time": ("test_time_second", 1.0),
    "voltage": ("voltage_volt", 1.0),
    "current": ("current_ampere", 1.0),
    "cycle": ("cycle_count", 1.0),
    "step": ("step_index", 1.0),
    "step_time": ("step_time_second", 1.0),
    "capacity": ("step_capacity_ampere_hour", 1e-3),
    "charge_capacity": ("charging_capacity_ampere_hour", 1e-3),
    "discharge_capacity": ("discharging_capacity_ampere_hour", 1e-3),
    "temperature": ("temperature_t1_celsius", 1.0),
}


def write_bdf(record: xr.Dataset, path: str | Path) -> Path:
    """Write a record as csv in the Battery Data Format of the Battery Data Alliance.

    Attributes have no place in the format and are not written. Current keeps its sign: charge is
    positive in both. What is missing (NaN) becomes an empty cell.

    Parameters
    ----------
    record : xarray.Dataset
        Kind ``cell_record``: time / s, voltage / V, current / A, and more.
    path : path-like
        The file; ``.bdf.csv`` is the usual ending. It is written beside and then put in place, so
        a file of that name is replaced as a whole or not at all.

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    MeasurementError
        If `record` is no record of a cell.

    Examples
    --------
    >>> import tempfile
    >>> from electrochem.labels.labels import label_record
    >>> from electrochem.readers.cyclers.battery_data_format import reader
    >>> t = np.arange(3.0)
    >>> columns = {"time": t, "voltage": 3 + t / 10, "current": 0 * t - 1e-3, "capacity": t / 4}
    >>> file = write_bdf(label_record(columns), Path(tempfile.mkdtemp()) / "a.bdf.csv")
    >>> print(file.read_text().splitlines()[0])
    test_time_second,voltage_volt,current_ampere,step_capacity_ampere_hour
    >>> reader.read(file)["capacity"].values.tolist()
    [0.0, 0.25, 0.5]
    """
    import pandas as pd

    if not isinstance(record, xr.Dataset) or record.attrs.get("kind") != "cell_record":
        raise MeasurementError("write_bdf: expected a Dataset of kind cell_record")
    columns = {}
    for name, (head, factor) in _NAMES.items():
        if name not in record:
            continue
        values = np.asarray(record[name].values)
        columns[head] = values if factor == 1 else values * factor
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        pd.DataFrame(columns).to_csv(part, index=False, lineterminator="\n")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path
