"""What may stand in a recipe, a batch file and report.json, as JSON Schema."""

from __future__ import annotations

from typing import Any

from coatcore.errors import RecipeError
from coatcore.quality.registry import quantities
from coatqc.recipes.models import Batch, Recipe

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
WHAT = ("recipe", "batch", "report")
_TEXT: dict[str, Any] = {"type": "string"}
_NUMBER: dict[str, Any] = {"type": ["number", "null"]}
_RISK: dict[str, Any] = {"type": "number", "exclusiveMinimum": 0, "maximum": 0.5}
_MAYBE: dict[str, Any] = {"type": ["string", "null"]}
_VERDICTS = ["pass", "fail", "inconclusive", "not measured"]


def json_schema(what: str) -> dict[str, Any]:
    """Schema of a recipe, a batch file or report.json.

    Parameters
    ----------
    what : {"recipe", "batch", "report"}

    Returns
    -------
    dict
        JSON Schema, draft 2020-12. It says which keys there are and of which type; whether
        names fit together, `coatqc check` tells.

    Raises
    ------
    RecipeError
        If `what` is something else.

    Examples
    --------
    >>> json_schema("recipe")["required"]
    ['schema_version', 'name', 'version']
    """
    if what not in WHAT:
        raise RecipeError(f"found {what!r}, expected one of {', '.join(WHAT)}")
    if what == "report":
        return _report()
    model = Recipe if what == "recipe" else Batch
    schema = model.model_json_schema()
    for key in [k for k in schema["properties"] if model.model_fields[k].exclude]:
        del schema["properties"][key]
    definitions = schema["$defs"]
    for name in ("Criterion", "Observation"):
        if name in definitions:
            definitions[name]["properties"]["quantity"] = {"enum": list(quantities())}
    if "Sample" in definitions:
        # One path may stand for a list of one.
        files = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
        for key, value in definitions["Sample"]["properties"].items():
            if value.get("type") == "array":
                definitions["Sample"]["properties"][key] = files
    return {"$schema": _DRAFT, **schema, "title": f"coatqc {what}"}


_ESTIMATE = {
    "type": ["object", "null"],
    "required": ["value", "standard_uncertainty", "lower", "upper", "level", "unit"],
    "properties": {
        "value": _NUMBER,
        "standard_uncertainty": _NUMBER,
        "lower": _NUMBER,
        "upper": _NUMBER,
        "level": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "unit": _TEXT,
        "n": {"type": ["integer", "null"]},
        "method": _TEXT,
    },
}
_OUTCOME: dict[str, Any] = {
    "type": "object",
    "required": ["quantity", "title", "sample", "parameters", "error", "estimate", "category"],
    "properties": {
        "quantity": _TEXT,
        "title": _TEXT,
        "sample": _TEXT,
        "reference": _MAYBE,
        "parameters": {"type": "object"},
        "error": _TEXT,
        "estimate": _ESTIMATE,
        "category": _MAYBE,
        "notes": {"type": "array", "items": _TEXT},
        "replicates": {"type": "array", "items": _NUMBER},
        "changes": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["since", "change", "beyond_uncertainty"],
                "properties": {
                    "since": _TEXT,
                    "change": _ESTIMATE,
                    "beyond_uncertainty": {"type": "boolean"},
                },
            },
        },
    },
}
_JUDGED = {
    **_OUTCOME,
    "required": [*_OUTCOME["required"], "verdict", "limits"],
    "properties": {
        **_OUTCOME["properties"],
        "verdict": {"enum": _VERDICTS},
        "limits": {
            "type": "object",
            "properties": {"min": _NUMBER, "max": _NUMBER, "equals": _MAYBE},
        },
        "conformance_probability": _NUMBER,
    },
}
_FILE = {
    "type": "object",
    "required": ["sample", "role", "path", "sha256", "error"],
    "properties": {
        **dict.fromkeys(("sample", "role", "path", "error"), _TEXT),
        **dict.fromkeys(("sha256", "kind", "reader"), _MAYBE),
    },
}


def _report() -> dict[str, Any]:
    return {
        "$schema": _DRAFT,
        "title": "coatqc report",
        "type": "object",
        "required": [
            "schema",
            "batch",
            "batch_sha256",
            "recipe",
            "simulated",
            "started",
            "verdict",
            "criteria",
            "observations",
            "files",
            "versions",
        ],
        "properties": {
            "schema": {"const": "coatqc-report-1"},
            "batch": _TEXT,
            "batch_sha256": _TEXT,
            "recipe": {
                "type": "object",
                "properties": dict.fromkeys(("name", "version", "sha256"), _TEXT),
            },
            "decision": {
                "type": "object",
                "properties": dict.fromkeys(("false_acceptance", "false_rejection"), _RISK),
            },
            "description": _TEXT,
            "references": {"type": "array", "items": _TEXT},
            "simulated": {"type": "boolean"},
            "started": {"type": "string", "format": "date-time"},
            "verdict": {"enum": _VERDICTS},
            "criteria": {"type": "array", "items": _JUDGED},
            "observations": {"type": "array", "items": _OUTCOME},
            "files": {"type": "array", "items": _FILE},
            "versions": {"type": "object", "additionalProperties": _TEXT},
        },
    }
