"""A TOML file that a person has written: read, checked against a model, its mistakes told."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from coatcore.errors import RecipeError
from coatcore.provenance import sha256_of
from coatcore.words import nearest
from coatqc.recipes.models import Batch, Criterion, DecisionRule, Observation, Recipe, Sample

# Keys that loading adds.
_NOT_A_PERSONS = ("folder", "sha256", "recipe_name", "recipe_version", "recipe_sha256")


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


Model = TypeVar("Model", Batch, Recipe)


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


def key_path(location: Iterable[str | int]) -> str:
    """Place of a key in a file, as people write it.

    Examples
    --------
    >>> key_path(("criteria", 2, "max"))
    'criteria[2].max'
    """
    out = ""
    for part in location:
        out += f"[{part}]" if isinstance(part, int) else f".{part}" if out else str(part)
    return out


def _explain(problem: Any, model: type[BaseModel]) -> str:
    location = problem["loc"]
    where = key_path(location)
    if problem["type"] == "extra_forbidden":
        allowed = _keys_at(location[:-1], model)
        return f"{where}: unknown key {location[-1]!r}; {nearest(location[-1], allowed)}"
    if problem["type"] == "missing":
        return f"{where}: is missing; it is required"
    return f"{where}: {told(problem)}"


def told(problem: Any) -> str:
    """What pydantic found wrong with a value, in words.

    Parameters
    ----------
    problem : mapping
        One of ``ValidationError.errors()``.

    Examples
    --------
    >>> told({"type": "missing"})
    'is missing; it is required'
    """
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
