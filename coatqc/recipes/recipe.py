"""What belongs to a product rather than to a batch of it: what is measured, and what is good."""

from __future__ import annotations

import glob
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from coatcore.quality.registry import quantities, roles
from coatqc.recipes.criteria import check_item
from coatqc.recipes.models import Recipe, Sample
from coatqc.recipes.toml_file import checked, read_toml


def load_recipe(path: str | Path) -> Recipe:
    """Read and check a recipe (TOML).

    Parameters
    ----------
    path : path-like
        The recipe.

    Returns
    -------
    Recipe

    Raises
    ------
    RecipeError
        Naming every mistake: the key's path, what was found, what is allowed and, for a
        misspelt name, the nearest valid one.

    Examples
    --------
    >>> load_recipe("nowhere.toml")
    Traceback (most recent call last):
        ...
    coatcore.errors.RecipeError: nowhere.toml: no such file; check the path
    """
    path = Path(path)
    return checked(Recipe, read_toml(path), path, _mistakes)


def _mistakes(recipe: Recipe) -> Iterable[str]:
    wanted = wanted_files(recipe)
    # A batch names files in every role that is asked of a sample.
    samples = {
        name: Sample.model_validate({role: ["?"] for role in roles})
        for name, roles in wanted.items()
    }
    everyone = {**samples, **recipe.references}
    for group in ("criteria", "observations"):
        for index, item in enumerate(getattr(recipe, group)):
            for key, problem in check_item(everyone, set(recipe.references), item):
                yield f"{group}[{index}].{key}: {problem}"


def wanted_files(recipe: Recipe) -> dict[str, list[str]]:
    """Samples that a batch must have, each with the roles in which it must name files.

    Parameters
    ----------
    recipe : Recipe

    Returns
    -------
    dict of str to list of str
        In the order in which the recipe names them.

    Examples
    --------
    >>> wanted_files(Recipe(schema_version=1, name="a", version="1", observations=[
    ...     {"quantity": "sem.lost_contact", "sample": "cycled"}]))
    {'cycled': ['sem']}
    """
    found: dict[str, list[str]] = {}
    for item in (*recipe.criteria, *recipe.observations):
        quantity = quantities().get(item.quantity)
        for name in (item.sample, item.reference):
            if quantity is None or name is None or name in recipe.references:
                continue
            roles = found.setdefault(name, [])
            if quantity.role not in roles:
                roles.append(quantity.role)
    return found


def into_batch(recipe: Recipe, raw: dict[str, Any]) -> dict[str, Any]:
    """What a batch file says, with what its recipe says; reference files from where that lies.

    Examples
    --------
    >>> recipe = Recipe(schema_version=1, name="NCM", version="2", folder=Path("lab"),
    ...     references={"pvp": {"ftir": "pvp_*.spa"}})
    >>> whole = into_batch(recipe, {"name": "A7"})
    >>> whole["references"]["pvp"]["ftir"], whole["recipe_version"]
    (['lab/pvp_*.spa'], '2')
    """
    references = {}
    # The folder's own name may hold brackets.
    folder = Path(glob.escape(str(recipe.folder)))
    for name, sample in recipe.references.items():
        files = {role: sample.files(role) for role in roles()}
        references[name] = {"description": sample.description} | {
            role: [
                (recipe.folder if (recipe.folder / p).exists() else folder).joinpath(p).as_posix()
                for p in patterns
            ]
            for role, patterns in files.items()
        }
    return {
        **raw,
        "decision": recipe.decision,
        "reference_batch": recipe.reference_batch,
        "references": references,
        "criteria": recipe.criteria,
        "observations": recipe.observations,
        "recipe_name": recipe.name,
        "recipe_version": recipe.version,
        "recipe_sha256": recipe.sha256,
    }
