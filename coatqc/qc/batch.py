"""What a batch file asks for, checked before anything is measured."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from coatqc.core.errors import RecipeError
from coatqc.core.provenance import sha256_of

ROLES = ("ftir", "nanoir_spectrum", "nanoir_map", "sem", "tem", "tofsims", "xrd")


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Files = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_as_list)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Sample(_Strict):
    """Files of one sample by role; each a path or glob, relative to the batch file."""

    description: str = ""
    ftir: Files = []
    nanoir_spectrum: Files = []
    nanoir_map: Files = []
    sem: Files = []
    tem: Files = []
    tofsims: Files = []
    xrd: Files = []


class Observation(_Strict):
    """A quantity that is measured and reported, but not judged."""

    quantity: Name
    sample: Name
    reference: Name | None = None
    title: str = ""
    parameters: dict[str, Any] = {}


class Criterion(Observation):
    """A quantity that is measured and judged against limits."""

    min: float | None = Field(default=None, allow_inf_nan=False)
    max: float | None = Field(default=None, allow_inf_nan=False)
    unit: str | None = None
    equals: str | None = None


class Batch(_Strict):
    """A batch file.

    Examples
    --------
    >>> Batch(schema_version=1, name="A7", samples={"A7": {"ftir": "a.spa"}}).samples["A7"].ftir
    ['a.spa']
    """

    schema_version: Literal[1]
    name: Name
    description: str = ""
    simulated: bool = False
    samples: dict[Name, Sample] = Field(min_length=1)
    references: dict[Name, Sample] = {}
    criteria: list[Criterion] = []
    observations: list[Observation] = []
    folder: Path = Field(default=Path(), exclude=True)
    sha256: str = Field(default="", exclude=True)

    def sample(self, name: str) -> Sample:
        """Sample or reference of that name."""
        return self.samples[name] if name in self.samples else self.references[name]


def load_batch(path: str | Path) -> Batch:
    """Read and check a batch file (TOML).

    Parameters
    ----------
    path : path-like
        The batch file.

    Returns
    -------
    Batch
        With `folder` set to where its relative paths start.

    Raises
    ------
    RecipeError
        Naming every mistake: the key's path, what was found, what is allowed and, for a
        misspelt name, the nearest valid one.

    Examples
    --------
    >>> load_batch("nowhere.toml")
    Traceback (most recent call last):
        ...
    coatqc.core.errors.RecipeError: nowhere.toml: no such batch file; check the path
    """
    path = Path(path)
    try:
        if path.exists() and not path.is_dir() and not path.is_file():
            raise RecipeError(f"{path}: is a device or pipe; name the batch file")
        if path.stat().st_size > 2**20:
            raise RecipeError(f"{path}: larger than 1 MiB, so it is no batch file")
        raw = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such batch file; check the path") from None
    except IsADirectoryError:
        raise RecipeError(f"{path}: is a folder; name the batch file in it") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{path}: is not UTF-8 text, so it is no TOML file") from None
    except OSError as error:
        raise RecipeError(f"{path}: cannot be opened ({error})") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RecipeError(f"{path}: is not valid TOML: {error}") from error
    for key in ("folder", "sha256"):
        if key in raw:
            raise RecipeError(f"{path}: {key}: is not a key of a batch file; remove it")
    try:
        batch = Batch(**raw, folder=path.parent, sha256=sha256_of(path))
    except ValidationError as error:
        problems = [_explain(problem) for problem in error.errors()]
    else:
        problems = list(_cross_check(batch))
        if not problems:
            return batch
    raise RecipeError("\n".join(f"{path}: {problem}" for problem in problems))


def _key_path(location: Iterable[str | int]) -> str:
    out = ""
    for part in location:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out


def nearest(found: object, allowed: Iterable[str]) -> str:
    """Words that name what is allowed and the nearest valid name.

    Examples
    --------
    >>> nearest("ftri", ["ftir", "sem"])
    "allowed: ftir, sem; did you mean 'ftir'?"
    """
    names = list(allowed)
    text = f"allowed: {', '.join(names)}"
    close = difflib.get_close_matches(str(found), names, n=1, cutoff=0.5)
    return f"{text}; did you mean {close[0]!r}?" if close else text


def _explain(problem: Any) -> str:
    location = problem["loc"]
    where = _key_path(location)
    if problem["type"] == "extra_forbidden":
        allowed = _keys_at(location[:-1])
        return f"{where}: unknown key {location[-1]!r}; {nearest(location[-1], allowed)}"
    if problem["type"] == "missing":
        return f"{where}: is missing; it is required"
    return f"{where}: {_told(problem)}"


def _told(problem: Any) -> str:
    if problem["type"] == "missing":
        return "is missing; it is required"
    found = repr(problem.get("input"))
    found = found if len(found) < 80 else found[:77] + "..."
    message = problem["msg"].removeprefix("Value error, ")
    return f"found {found}; {message[0].lower()}{message[1:]}"


def _keys_at(location: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = Batch
    if location:
        models: dict[str, type[BaseModel]] = {
            "samples": Sample,
            "references": Sample,
            "criteria": Criterion,
            "observations": Observation,
        }
        model = models.get(str(location[0]), Batch)
    return [k for k in model.model_fields if k not in ("folder", "sha256")]


def _cross_check(batch: Batch) -> Iterable[str]:
    """Mistakes that only show when the parts of the file are held against each other."""
    for name in sorted(set(batch.samples) & set(batch.references)):
        yield f"references.{name}: is also the name of a sample; rename one of them"
    for group in ("criteria", "observations"):
        for index, item in enumerate(getattr(batch, group)):
            for key, problem in _check_item(batch, item):
                yield f"{group}[{index}].{key}: {problem}"


def _check_item(batch: Batch, item: Observation) -> Iterable[tuple[str, str]]:
    from coatqc.qc.quantities import QUANTITIES

    names = [*batch.samples, *batch.references]
    quantity = QUANTITIES.get(item.quantity)
    for key in ("sample", "reference"):
        named = getattr(item, key)
        if named is not None and named not in names:
            yield key, f"found {named!r}; {nearest(named, names)}"
    if quantity is None:
        yield "quantity", f"found {item.quantity!r}; {nearest(item.quantity, QUANTITIES)}"
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
        if named in names and not getattr(batch.sample(named), quantity.role):
            group = "samples" if named in batch.samples else "references"
            yield (
                key,
                f"{named!r} has no {quantity.role} files; add {group}.{named}.{quantity.role}",
            )
    try:
        quantity.parameters(**item.parameters)
    except ValidationError as error:
        for problem in error.errors():
            where = _key_path(("parameters", *problem["loc"]))
            if problem["type"] == "extra_forbidden":
                allowed = quantity.parameters.model_fields
                yield where, f"unknown parameter; {nearest(problem['loc'][-1], allowed)}"
            else:
                yield where, _told(problem)
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
