"""Which techniques are installed, and what they bring: found by the entry points of packages."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from importlib import metadata
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeVar

from coatcore.errors import CoatqcError
from coatcore.kinds import COMMON_DIMS, Dim, Kind
from coatcore.quality.technique import Learnable, Role, Technique

if TYPE_CHECKING:
    from coatcore.quality.design import Design
    from coatcore.quality.quantity import Quantity

ENTRY_POINTS = "coatqc.techniques"
T = TypeVar("T")


@functools.cache
def techniques() -> tuple[Technique, ...]:
    """Every installed technique, in order of name.

    Raises
    ------
    CoatqcError
        If a package's technique cannot be loaded, is none, or bears another's name.

    Examples
    --------
    >>> "xrd" in [technique.name for technique in techniques()]
    True
    """
    found = []
    for point in metadata.entry_points(group=ENTRY_POINTS):
        try:
            technique = point.load()
        except Exception as error:
            raise CoatqcError(
                f"technique {point.name}: cannot be loaded from {point.value} ({error}); reinstall "
                "or remove the package that brings it"
            ) from error
        if not isinstance(technique, Technique):
            raise CoatqcError(
                f"technique {point.name}: {point.value} is a {type(technique).__name__}, not a "
                "coatcore.quality.Technique; remove the package that brings it"
            )
        found.append(technique)
    _by_name("technique", ((t.name, t, t.name) for t in found))
    return tuple(sorted(found, key=lambda technique: technique.name))


def _by_name(what: str, named: Iterable[tuple[str, T, str]]) -> Mapping[str, T]:
    """Things by name, from name, thing and the technique that brings it."""
    found: dict[str, T] = {}
    bringer: dict[str, str] = {}
    for name, thing, technique in named:
        # Two techniques may share a dimension, where they mean the same by it.
        if name in found and found[name] != thing:
            raise CoatqcError(
                f"{what} {name!r} is brought by the techniques {bringer[name]} and {technique}; "
                "remove one of them"
            )
        found[name], bringer[name] = thing, technique
    return MappingProxyType(found)


@functools.cache
def dims() -> Mapping[str, Dim]:
    """Dimensions that labelled objects may have, by name.

    Examples
    --------
    >>> dims()["two_theta"].units
    'degree'
    """
    common = ((dim.name, dim, "coatcore") for dim in COMMON_DIMS)
    return _by_name(
        "dimension", (*common, *((dim.name, dim, t.name) for t in techniques() for dim in t.dims))
    )


@functools.cache
def kinds() -> Mapping[str, Kind]:
    """Kinds of data, by name.

    Examples
    --------
    >>> kinds()["image"].dims
    ('y', 'x')
    """
    return _by_name("kind", ((kind.name, kind, t.name) for t in techniques() for kind in t.kinds))


@functools.cache
def roles() -> Mapping[str, Role]:
    """Roles of files in a batch, by name, in the order in which reports show them.

    Examples
    --------
    >>> next(iter(roles()))
    'ftir'
    """
    every = [(role, t.name) for t in techniques() for role in t.roles]
    every.sort(key=lambda each: (each[0].place, each[0].name))
    return _by_name("role", ((role.name, role, technique) for role, technique in every))


def _in_order_of_roles(
    what: str, bring: Callable[[Technique], Iterable[Any]], role_of: Callable[[Any], str]
) -> Mapping[str, Any]:
    order = {name: index for index, name in enumerate(roles())}
    every = [(thing, t.name) for t in techniques() for thing in bring(t)]
    for thing, technique in every:
        if role_of(thing) not in order:
            raise CoatqcError(
                f"technique {technique}: {what} {thing.name} is of role {role_of(thing)!r}, which "
                "no technique brings"
            )
    every.sort(key=lambda each: order[role_of(each[0])])
    return _by_name(what, ((thing.name, thing, technique) for thing, technique in every))


@functools.cache
def quantities() -> Mapping[str, Quantity[Any, Any]]:
    """What can be measured, by name, in the order of roles.

    Examples
    --------
    >>> quantities()["ftir.carbonyl_shift"].unit
    'cm-1'
    """
    return _in_order_of_roles("quantity", lambda t: t.quantities(), lambda q: q.role)


@functools.cache
def designs() -> Mapping[str, Design]:
    """How quantities are planned, by name of the quantity, in the order of roles.

    Examples
    --------
    >>> designs()["ftir.carbonyl_shift"].variable
    'spectra a side'
    """
    every = [(d.quantity, d, t.name) for t in techniques() for d in t.designs()]
    for name, _, technique in every:
        if name not in quantities():
            raise CoatqcError(f"technique {technique}: it plans {name!r}, which is no quantity")
    order = {name: index for index, name in enumerate(quantities())}
    every.sort(key=lambda each: order[each[0]])
    return _by_name("design", every)


@functools.cache
def learnables() -> Mapping[str, Learnable]:
    """What can be learnt from repeats, by name, in the order of roles.

    Examples
    --------
    >>> learnables()["xrd.repeatability"].role
    'xrd'
    """
    return _in_order_of_roles("learnable", lambda t: t.learnables(), lambda each: each.role)


def technique_of_role(role: str) -> Technique:
    """The technique that brings a role.

    Examples
    --------
    >>> technique_of_role("sem").name
    'imaging'
    """
    return next(t for t in techniques() if any(role == each.name for each in t.roles))


def technique_of_kind(kind: str) -> Technique | None:
    """The technique that brings a kind of data, or None.

    Examples
    --------
    >>> technique_of_kind("xrd_pattern").name, technique_of_kind("poem")
    ('xrd', None)
    """
    return next((t for t in techniques() if any(kind == each.name for each in t.kinds)), None)
