"""What a batch file asks for, checked before anything is measured."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from coatcore.errors import RecipeError
from coatqc.recipes.criteria import check_item
from coatqc.recipes.models import Batch
from coatqc.recipes.recipe import into_batch, load_recipe
from coatqc.recipes.toml_file import checked, read_toml

# Keys that a batch has from its recipe, where it has one.
_OF_THE_RECIPE = ("decision", "reference_batch", "references", "criteria", "observations")


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
        both = [key for key in _OF_THE_RECIPE if key in raw]
        if both:
            raise RecipeError(
                f"{path}: {both[0]}: stands in a batch that has a recipe; keep it there, or remove "
                "the key recipe"
            )
        if not isinstance(raw["recipe"], str) or not raw["recipe"]:
            raise RecipeError(f"{path}: recipe: found {raw['recipe']!r}; expected a path")
        raw = into_batch(load_recipe(path.parent / raw["recipe"]), raw)
    return checked(Batch, raw, path, _cross_check)


def _cross_check(batch: Batch) -> Iterable[str]:
    """Mistakes that only show when the parts of the file are held against each other."""
    for name in sorted(set(batch.samples) & set(batch.references)):
        yield f"references.{name}: is also the name of a sample; rename one of them"
    everyone = {**batch.samples, **batch.references}
    for group in ("criteria", "observations"):
        for index, item in enumerate(getattr(batch, group)):
            for key, problem in check_item(everyone, set(batch.references), item):
                yield f"{group}[{index}].{key}: {problem}"
