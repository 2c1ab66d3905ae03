"""A first recipe and batch, with every quantity to choose from and its parameters explained."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from coatcore.errors import RecipeError
from coatcore.quality.quantity import Quantity
from coatcore.quality.registry import quantities

RECIPE = """\
# What is measured on every batch of a product, and what is good. Check it: coatqc check recipe.toml
schema_version = 1
name = "my coated powder"
version = "1"
description = ""
# Batch in the results store that each report compares its own with, beside the last one.
# reference_batch = "batch 1"

# Risks that a verdict may take (JCGM 106): what is in doubt beyond them is inconclusive.
[decision]
false_acceptance = 0.025
false_rejection = 0.025

# Files that every batch is held against, relative to this file; a path, a pattern or a list.
[references.pvp]
description = "the polymer before blending"
ftir = "references/pvp_*.spa"

[[criteria]]
title = "The polymers have blended: carbonyl shift from PVP"
quantity = "ftir.carbonyl_shift"
sample = "coated"
reference = "pvp"
max = -8.0

# More to choose from. A criterion has min, max or both (equals for words); the same under
# [[observations]], without limits, is measured and reported but not judged.
"""

BATCH = """\
# One batch: its files, relative to this file. Measure it: coatqc report batch.toml -o report
schema_version = 1
name = "batch 1"
recipe = "recipe.toml"

[samples.coated]
description = ""
ftir = "coated_*.spa"
"""


def make_starter(folder: str | Path) -> tuple[Path, Path]:
    """Write recipe.toml and batch.toml to begin with.

    Parameters
    ----------
    folder : path-like
        Made if it is absent.

    Returns
    -------
    tuple of pathlib.Path
        Recipe and batch.

    Raises
    ------
    RecipeError
        If one of them is there already, or the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from coatqc.recipes.recipe import load_recipe
    >>> recipe, _ = make_starter(tempfile.mkdtemp())
    >>> load_recipe(recipe).criteria[0].quantity
    'ftir.carbonyl_shift'
    """
    folder = Path(folder)
    paths = folder / "recipe.toml", folder / "batch.toml"
    for path in paths:
        if path.exists():
            raise RecipeError(f"{path}: is there already; choose another folder")
    offers = "\n".join(_offer(quantity) for quantity in quantities().values())
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in zip(paths, (f"{RECIPE}\n{offers}", BATCH), strict=True):
            path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise RecipeError(f"{folder}: cannot be written ({error.strerror})") from error
    return paths


def _offer(quantity: Quantity) -> str:
    """A criterion as a comment."""
    # Braces stand for parameters; here no value is known yet.
    title = quantity.title.replace("{", "<").replace("}", ">")
    unit = f", in {quantity.unit}" if quantity.unit not in ("", "1") else ""
    lines = ["[[criteria]]", f'quantity = "{quantity.name}"  # {title}{unit}', 'sample = "coated"']
    if quantity.needs_reference:
        lines.append('reference = "..."')
    if quantity.categories:
        words = " or ".join(f'"{word}"' for word in quantity.categories)
        lines.append(f"equals = {words}")
    else:
        lines.append("max = ...")
    for name, field in quantity.parameters.model_fields.items():
        about = f"  # {field.description}" if field.description else ""
        required = field.is_required()
        lines.append(f"parameters.{name} = {'...' if required else _toml(field.default)}{about}")
    return "".join(f"# {line}\n" for line in lines)


def _toml(value: Any) -> str:
    """A default as TOML writes it; what TOML cannot say is left open."""
    if isinstance(value, tuple):
        value = list(value)
    if value is None or isinstance(value, dict):
        return "..."
    return json.dumps(value, default=str, ensure_ascii=False)
