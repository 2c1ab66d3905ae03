"""Is this coating good? Raw surface-analysis files in, an answer with honest uncertainty out.

The measurements live in the technique packages `spectra`, `imaging`, `tofsims`, `xrd` and
`electrochem`; `coatcore` holds what they stand on. Here a batch is asked for, measured, judged,
kept and written up.
"""

from importlib import import_module as _import_module
from typing import Any as _Any

from coatcore import __version__ as __version__

# Where each public name lives; nothing heavy is imported until it is used.
_HOMES = {
    "CoatqcError": "coatcore.errors",
    "Estimate": "coatcore.estimate",
    "MeasurementError": "coatcore.errors",
    "ReadError": "coatcore.errors",
    "RecipeError": "coatcore.errors",
    "load_batch": "coatqc.recipes.batch",
    "plan": "coatqc.planning.sample_size",
    "read": "coatcore.reading.registry",
    "read_replicates": "coatcore.reading.replicates",
    "run_batch": "coatqc.judging.run",
    "write_report": "coatqc.report.write",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> _Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'coatqc' has no attribute {name!r}")
    return getattr(_import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
