"""What was made of files once need not be made again: intermediate results within a batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import xarray as xr

from coatcore.errors import CoatqcError

P = ParamSpec("P")
T = TypeVar("T")


class Memory:
    """Intermediate results, by the function that made them, the bytes of the files, parameters.

    Reading is deterministic, and so are the functions of the techniques: what is remembered is
    what would be computed. Whoever gets a result leaves it as it is.

    Examples
    --------
    >>> asked = []
    >>> def length(values):
    ...     asked.append(len(values))
    ...     return len(values)
    >>> memory = Memory()
    >>> memory.once(length, (1, 2)), memory.once(length, (1, 2)), asked
    (2, 2, [2])
    """

    def __init__(self) -> None:
        self._made: dict[Any, tuple[Any, CoatqcError | None]] = {}
        # By identity of an object, which must live as long as it counts.
        self._named: dict[int, tuple[Any, Any]] = {}

    def know(self, file: xr.DataArray | xr.Dataset) -> None:
        """Name an object, as it was read, by the bytes of its file.

        Another object that was read from the same bytes by the same reader is then the same.

        Parameters
        ----------
        file : xarray.DataArray or xarray.Dataset
            From `coatcore.read`; without a hash of its file it is known by itself.
        """
        facts = tuple(str(file.attrs.get(k, "")) for k in ("sha256", "source", "reader", "kind"))
        if facts[0]:
            self._named[id(file)] = (file, facts)

    def once(self, function: Callable[P, T], *objects: P.args, **parameters: P.kwargs) -> T:
        """What the function gives, computed where it was not yet.

        Parameters
        ----------
        function : callable
            Named and at the top of its module: two of one name are one.
        *objects, **parameters
            What it is called with. Numbers and text count as such, sequences and dataclasses as
            what is in them, files that are known as their bytes, and everything else as itself.

        Raises
        ------
        CoatqcError
            As the function raised it, each time.
        """
        key = (
            function.__module__,
            function.__qualname__,
            tuple(self._identity(each) for each in objects),
            tuple((name, self._identity(parameters[name])) for name in sorted(parameters)),
        )
        if key not in self._made:
            try:
                self._made[key] = function(*objects, **parameters), None
            except CoatqcError as error:
                self._made[key] = None, error
        result, failed = self._made[key]
        if failed is not None:
            raise failed
        return result

    def _identity(self, thing: Any) -> Any:
        if isinstance(thing, (list, tuple)):
            return (type(thing).__name__, *(self._identity(each) for each in thing))
        if thing is None or isinstance(thing, (str, int, float, bool)):
            return (type(thing).__name__, thing)
        if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
            values = tuple(getattr(thing, f.name) for f in dataclasses.fields(thing))
            return (type(thing).__qualname__, *(self._identity(each) for each in values))
        return self._named.setdefault(id(thing), (thing, id(thing)))[1]
