"""What a batch file asks for, checked before anything is measured."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, ValidationError

from coatcore.errors import RecipeError
from coatcore.provenance import sha256_of

if TYPE_CHECKING:
    from coatqc.recipes.recipe import Recipe

# Keys that a batch has from its recipe, where it has one; and those that loading adds.
RECIPES = ("decision", "reference_batch", "references", "criteria", "observations")
_NOT_A_PERSONS = ("folder", "sha256", "recipe_name", "recipe_version", "recipe_sha256")
ROLES = (
    "ftir",
    "nanoir_spectrum",
    "nanoir_map",
    "sem",
    "tem",
    "tofsims",
    "xrd",
    "cycling",
    "impedance",
)


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


Files = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_as_list)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f]+$")]


class Strict(BaseModel):
    """A table in which an unknown key is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


class Sample(Strict):
    """Files of one sample by role; each a path or glob, relative to the batch file."""

    description: str = ""
    ftir: Files = []
    nanoir_spectrum: Files = []
    nanoir_map: Files = []
    sem: Files = []
    tem: Files = []
    tofsims: Files = []
    xrd: Files = []
    cycling: Files = []
    impedance: Files = []


class Observation(Strict):
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


class DecisionRule(Strict):
    """Risks that a verdict may take, as in `coatqc.judging.verdict.Decision`."""

    false_acceptance: float = Field(
        default=0.025,
        ge=1e-4,
        le=0.5,
        description="highest probability that a truth just beyond a limit is passed",
    )
    false_rejection: float = Field(
        default=0.025,
        ge=1e-4,
        le=0.5,
        description="highest probability that a truth just within the limits is failed",
    )


class Batch(Strict):
    """A batch file.

    Examples
    --------
    >>> Batch(schema_version=1, name="A7", samples={"A7": {"ftir": "a.spa"}}).samples["A7"].ftir
    ['a.spa']
    """

    schema_version: Literal[1]
    name: Name
    description: str = ""
    simulated: StrictBool = False
    recipe: str = Field(
        default="", description="recipe of the product, beside which the rest stays"
    )
    decision: DecisionRule = DecisionRule()
    reference_batch: str = Field(
        default="", description="batch in the results store that others are compared with"
    )
    samples: dict[Name, Sample] = Field(min_length=1)
    references: dict[Name, Sample] = {}
    criteria: list[Criterion] = []
    observations: list[Observation] = []
    recipe_name: str = Field(default="", exclude=True)
    recipe_version: str = Field(default="", exclude=True)
    recipe_sha256: str = Field(default="", exclude=True)
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
    coatcore.errors.RecipeError: nowhere.toml: no such file; check the path
    """
    path = Path(path)
    raw = read_toml(path)
    if "recipe" in raw:
        from coatqc.recipes.recipe import into_batch, load_recipe

        both = [key for key in RECIPES if key in raw]
        if both:
            raise RecipeError(
                f"{path}: {both[0]}: stands in a batch that has a recipe; keep it there, or remove "
                "the key recipe"
            )
        if not isinstance(raw["recipe"], str) or not raw["recipe"]:
            raise RecipeError(f"{path}: recipe: found {raw['recipe']!r}; expected a path")
        raw = into_batch(load_recipe(path.parent / raw["recipe"]), raw)
    return checked(Batch, raw, path, _cross_check)


def read_toml(path: Path) -> dict[str, Any]:
    """Content of a TOML file that a person has written.

    Raises
    ------
    RecipeError
        If it cannot be read, is no TOML, or holds a key that is not a person's to give.

    Examples
    --------
    >>> read_toml(Path("nowhere.toml"))
    Traceback (most recent call last):
        ...
    coatcore.errors.RecipeError: nowhere.toml: no such file; check the path
    """
    try:
        if path.exists() and not path.is_dir() and not path.is_file():
            raise RecipeError(f"{path}: is a device or pipe; name a TOML file")
        if path.stat().st_size > 2**20:
            raise RecipeError(f"{path}: larger than 1 MiB, so it is no batch file or recipe")
        raw = tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: no such file; check the path") from None
    except IsADirectoryError:
        raise RecipeError(f"{path}: is a folder; name the TOML file in it") from None
    except UnicodeDecodeError:
        raise RecipeError(f"{path}: is not UTF-8 text, so it is no TOML file") from None
    except OSError as error:
        raise RecipeError(f"{path}: cannot be opened ({error})") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RecipeError(f"{path}: is not valid TOML: {error}") from error
    for key in _NOT_A_PERSONS:
        if key in raw:
            raise RecipeError(f"{path}: {key}: is no key of such a file; remove it")
    return raw


Model = TypeVar("Model", "Batch", "Recipe")


def checked(
    model: type[Model],
    raw: dict[str, Any],
    path: Path,
    mistakes: Callable[[Model], Iterable[str]],
) -> Model:
    """What a file says as a model, or every mistake in it.

    Raises
    ------
    RecipeError

    Examples
    --------
    >>> checked(Batch, {"schema_version": 1, "name": "a"}, Path("a.toml"), lambda batch: ())
    Traceback (most recent call last):
        ...
    coatcore.errors.RecipeError: a.toml: samples: is missing; it is required
    """
    digest = sha256_of(path) if path.is_file() else ""
    try:
        made = model(**raw, folder=path.parent, sha256=digest)
    except ValidationError as error:
        problems = [_explain(problem, model) for problem in error.errors()]
    else:
        problems = list(mistakes(made))
        if not problems:
            return made
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


def _explain(problem: Any, model: type[BaseModel]) -> str:
    location = problem["loc"]
    where = _key_path(location)
    if problem["type"] == "extra_forbidden":
        allowed = _keys_at(location[:-1], model)
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


def _keys_at(location: tuple[str | int, ...], model: type[BaseModel]) -> list[str]:
    if location:
        models: dict[str, type[BaseModel]] = {
            "samples": Sample,
            "references": Sample,
            "criteria": Criterion,
            "observations": Observation,
            "decision": DecisionRule,
        }
        model = models.get(str(location[0]), model)
    return [k for k in model.model_fields if k not in _NOT_A_PERSONS]


def _cross_check(batch: Batch) -> Iterable[str]:
    """Mistakes that only show when the parts of the file are held against each other."""
    for name in sorted(set(batch.samples) & set(batch.references)):
        yield f"references.{name}: is also the name of a sample; rename one of them"
    everyone = {**batch.samples, **batch.references}
    for group in ("criteria", "observations"):
        for index, item in enumerate(getattr(batch, group)):
            for key, problem in check_item(everyone, set(batch.references), item):
                yield f"{group}[{index}].{key}: {problem}"


def check_item(
    everyone: dict[str, Sample], references: set[str], item: Observation
) -> Iterable[tuple[str, str]]:
    """Key and words for each mistake of a criterion or observation.

    Examples
    --------
    >>> item = Observation(quantity="sem.lost_contact", sample="b")
    >>> list(check_item({"a": Sample(sem="a.tif")}, set(), item))
    [('sample', "found 'b'; allowed: a")]
    """
    from coatqc.recipes.quantities import QUANTITIES

    names = list(everyone)
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
        if named in names and not getattr(everyone[named], quantity.role):
            group = "references" if named in references else "samples"
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
