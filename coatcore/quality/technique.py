"""What a technique brings to coatqc: kinds of data, roles, quantities, plans, figures."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coatcore.errors import CoatqcError
from coatcore.kinds import Dim, Kind

# A role is a key of a sample in a batch file: lower case, and none of the keys that are there.
_ROLE = re.compile(r"(?!description$|files$|model_)[a-z][a-z0-9_]*")

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.axes import Axes

    from coatcore.quality.design import Design
    from coatcore.quality.quantity import Quantity
    from coatcore.quality.views import Figure, Section, Table


def _nothing() -> tuple[()]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Role:
    """A part that files play for a sample: the key in a batch file under which they are named.

    Parameters
    ----------
    name : str
        The key: ``ftir``.
    title : str
        Heading of its section in a report: ``FTIR``.
    kinds : tuple of str
        What its files must be read as: one of these kinds.
    place : int
        Where it stands among the roles in batch files and reports: smaller goes first, equal
        ones by name. The roles that come with coatqc have 10 to 90.

    Raises
    ------
    CoatqcError
        If the name cannot be a key of a sample in a batch file.

    Examples
    --------
    >>> Role(name="raman", title="Raman", kinds=("raman_spectrum",)).place
    100
    """

    name: str
    title: str
    kinds: tuple[str, ...]
    place: int = 100

    def __post_init__(self) -> None:
        if not _ROLE.fullmatch(self.name):
            raise CoatqcError(
                f"role {self.name!r}: is no key for files in a batch; expected lower-case letters, "
                "digits and _, and neither description, files nor model_..."
            )


@dataclass(frozen=True, kw_only=True)
class Learnable:
    """Parameters of quantities that repeated measurements tell.

    Parameters
    ----------
    name : str
        ``role.what``, as `coatqc learn` names it.
    title : str
        For people.
    role : str
        Role of the files it is learnt from.
    files : str
        Which files are needed and in which order, in words.
    quantities : tuple of str
        Names of the quantities that take what was learnt.
    learn : callable
        Sequence of labelled objects, in the order of the files -> values of parameters, as they
        stand in a batch file. Raises `MeasurementError` where the files do not tell.

    Examples
    --------
    >>> Learnable(name="raman.noise", title="noise", role="raman", files="two spectra",
    ...     quantities=("raman.position",), learn=lambda arrays: {"noise": 0.1}).learn([])
    {'noise': 0.1}
    """

    name: str
    title: str
    role: str
    files: str
    quantities: tuple[str, ...]
    learn: Callable[[Sequence[xr.DataArray | xr.Dataset]], dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Technique:
    """Everything that a package of measurements tells coatqc of itself.

    It is found by the entry-point group ``coatqc.techniques``. Names, dimensions, kinds and roles
    stand in it as they are, for every file that is read asks for them; what takes heavy imports
    is given as a function, called when it is needed.

    Parameters
    ----------
    name : str
        Of the technique.
    dims : tuple of Dim
        Dimensions of its objects beside `coatcore.kinds.COMMON_DIMS`.
    kinds : tuple of Kind
        Kinds of its objects.
    roles : tuple of Role
        Roles of files in a batch.
    quantities : callable
        ``() -> sequence of Quantity``: what can be measured.
    designs : callable
        ``() -> sequence of Design``: which quantities can be planned, and how.
    learnables : callable
        ``() -> sequence of Learnable``: what can be learnt from repeats.
    views : callable, optional
        ``Section -> iterable of Figure and Table``: what a report shows of one role. By default
        what results draw of themselves, and their tables.
    quick_look : callable, optional
        ``object -> axes``: draws an object of one of its kinds, as ``coatqc inspect
        --plot`` does. By default lines over its axis, or an image.

    Examples
    --------
    >>> Technique(name="raman", roles=(Role(name="raman", title="Raman", kinds=("image",)),)).name
    'raman'
    """

    name: str
    dims: tuple[Dim, ...] = ()
    kinds: tuple[Kind, ...] = ()
    roles: tuple[Role, ...] = ()
    quantities: Callable[[], Sequence[Quantity[Any, Any]]] = _nothing
    designs: Callable[[], Sequence[Design]] = _nothing
    learnables: Callable[[], Sequence[Learnable]] = _nothing
    views: Callable[[Section], Iterable[Figure | Table]] | None = None
    quick_look: Callable[[xr.DataArray | xr.Dataset], Axes] | None = None
