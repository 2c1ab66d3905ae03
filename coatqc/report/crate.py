"""Metadata by which a report can be archived: an RO-Crate 1.1."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import quote

from coatqc.judging.run import BatchResult

CRATE = "ro-crate-metadata.json"
_FORMATS = {
    ".html": ("text/html", "report for people"),
    ".json": ("application/json", "results for programs"),
    ".nc": ("application/x-netcdf", "arrays and tables behind the results"),
    ".pdf": ("application/pdf", "report for people, on A4"),
}


def crate_metadata(result: BatchResult, files: dict[str, bytes]) -> dict[str, Any]:
    """JSON-LD that describes a report's folder: its files, where they came from, and from what.

    Input files are named with their checksums; they are not part of the crate.

    Parameters
    ----------
    result : BatchResult
    files : dict of str to bytes
        Content of the report's files by name.

    Returns
    -------
    dict
        Content of ro-crate-metadata.json; RO-Crate 1.1, https://w3id.org/ro/crate/1.1.

    Examples
    --------
    >>> from coatqc.judging import run_batch
    >>> from coatqc.recipes import Batch
    >>> result = run_batch(Batch(schema_version=1, name="A7", samples={"A7": {}}))
    >>> graph = crate_metadata(result, {"report.html": b"x"})["@graph"]
    >>> [entity["@id"] for entity in graph]
    ['ro-crate-metadata.json', './', 'report.html', '#coatqc', '#measuring']
    """
    batch = result.batch
    made = _made(files)
    inputs = _inputs(result)
    software = {
        "@id": "#coatqc",
        "@type": "SoftwareApplication",
        "name": "coatqc",
        "version": result.versions.get("coatqc", ""),
        "softwareRequirements": ", ".join(
            f"{k} {v}" for k, v in result.versions.items() if k != "coatqc"
        ),
    }
    action = {
        "@id": "#measuring",
        "@type": "CreateAction",
        "name": f"coating-quality report of {batch.name}",
        "startTime": result.started,
        "instrument": {"@id": "#coatqc"},
        "object": [{"@id": each["@id"]} for each in inputs],
        "result": [{"@id": each["@id"]} for each in made],
    }
    simulated = " The data are simulated, not measured." if result.simulated else ""
    recipe = f", recipe {batch.recipe_name} {batch.recipe_version}" if batch.recipe_name else ""
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Coating-quality report of {batch.name}",
        "description": f"Verdict: {result.verdict}{recipe}.{simulated} {batch.description}".strip(),
        "datePublished": result.started,
        "hasPart": [{"@id": each["@id"]} for each in made],
        "mentions": [{"@id": "#measuring"}],
    }
    descriptor = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    return {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [descriptor, root, *made, software, action, *inputs],
    }


def _made(files: dict[str, bytes]) -> list[dict[str, str]]:
    return [
        {
            "@id": name,
            "@type": "File",
            "name": _FORMATS["." + name.rsplit(".")[-1]][1],
            "encodingFormat": _FORMATS["." + name.rsplit(".")[-1]][0],
            "contentSize": str(len(content)),
            "sha256": hashlib.sha256(content).hexdigest(),
        }
        for name, content in files.items()
    ]


def _inputs(result: BatchResult) -> list[dict[str, str]]:
    """One entity a content, whatever number of samples name it."""
    inputs = {}
    for file in result.files:
        if file.data is not None:
            digest = str(file.data.attrs.get("sha256", ""))
            inputs[digest] = {
                "@id": f"#input-{digest[:16]}-{quote(file.path[:80], safe='')}",
                "@type": "CreativeWork",
                "name": file.path,
                "sha256": digest,
                "about": f"{file.sample}, {file.role}",
            }
    return list(inputs.values())
