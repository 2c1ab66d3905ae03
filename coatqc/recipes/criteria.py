"""Do the quantities that are asked for fit the files, the references and the limits?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from coatcore.quality.registry import quantities
from coatcore.words import nearest
from coatqc.recipes.models import Criterion, Observation, Sample
from coatqc.recipes.toml_file import key_path, told


def check_item(
    everyone: Mapping[str, Sample], references: set[str], item: Observation
) -> Iterable[tuple[str, str]]:
    """Key and words for each mistake of a criterion or observation.

    Examples
    --------
    >>> item = Observation(quantity="sem.lost_contact", sample="b")
    >>> list(check_item({"a": Sample(sem="a.tif")}, set(), item))
    [('sample', "found 'b'; allowed: a")]
    """
    names = list(everyone)
    quantity = quantities().get(item.quantity)
    for key in ("sample", "reference"):
        named = getattr(item, key)
        if named is not None and named not in names:
            yield key, f"found {named!r}; {nearest(named, names)}"
    if quantity is None:
        yield "quantity", f"found {item.quantity!r}; {nearest(item.quantity, quantities())}"
        return
    if quantity.needs_reference and item.reference is None:
        yield "reference", f"is missing; {quantity.name} compares the sample with a reference"
    if item.reference is not None and item.reference == item.sample:
        yield "reference", f"found {item.reference!r}, the sample itself; name another"
    if not quantity.needs_reference and item.reference is not None:
        yield (
            "reference",
            f"found {item.reference!r}; {quantity.name} takes no reference, remove it",
        )
    for key in ("sample", "reference"):
        named = getattr(item, key)
        if named in names and not everyone[named].files(quantity.role):
            group = "references" if named in references else "samples"
            yield (
                key,
                f"{named!r} has no {quantity.role} files; add {group}.{named}.{quantity.role}",
            )
    try:
        quantity.parameters(**item.parameters)
    except ValidationError as error:
        for problem in error.errors():
            where = key_path(("parameters", *problem["loc"]))
            if problem["type"] == "extra_forbidden":
                allowed = quantity.parameters.model_fields
                yield where, f"unknown parameter; {nearest(problem['loc'][-1], allowed)}"
            else:
                yield where, told(problem)
    if isinstance(item, Criterion):
        yield from _check_limits(item, quantity.unit, quantity.categories)


def _check_limits(
    item: Criterion, unit: str, categories: tuple[str, ...]
) -> Iterable[tuple[str, str]]:
    if categories:
        if item.equals is None:
            yield "equals", f"is missing; {item.quantity} comes out as one of {categories}"
        elif item.equals not in categories:
            yield "equals", f"found {item.equals!r}; {nearest(item.equals, categories)}"
        for key in ("min", "max", "unit"):
            if getattr(item, key) is not None:
                yield (
                    key,
                    f"found {getattr(item, key)!r}; {item.quantity} has no number, use equals",
                )
        return
    if item.equals is not None:
        yield "equals", f"found {item.equals!r}; {item.quantity} is a number, use min or max"
    if item.min is None and item.max is None:
        yield "min", "and max are both missing; a criterion needs a limit"
    elif item.min is not None and item.max is not None and item.min > item.max:
        yield "min", f"found {item.min}, which exceeds max {item.max}"
    if item.unit is not None and item.unit != unit:
        yield "unit", f"found {item.unit!r}; {item.quantity} is measured in {unit!r}"
