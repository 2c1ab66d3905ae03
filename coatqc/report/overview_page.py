"""All batches of a folder of reports on one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from coatqc.judging.verdict import ORDER
from coatqc.report.template import render

if TYPE_CHECKING:
    from coatqc.judging.summary import Summary

# Criteria that the page has columns for; a report has them all.
_COLUMNS = 12


def write_overview(summaries: Iterable[Summary], path: str | Path) -> Path:
    """Write a page with a row a batch and a column a criterion, each with a link to its report.

    Parameters
    ----------
    summaries : iterable of Summary
        From `coatqc.running.many_batches.run_batches`, or `coatqc.judging.summary.finished`.
    path : path-like
        Page to write, beside the reports' folders; it appears whole or not at all.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    OSError
        If it cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> from coatqc.judging.summary import Summary
    >>> page = write_overview(
    ...     [Summary("a.toml", "<A7>", "A7-0", "pass", "", False)],
    ...     Path(tempfile.mkdtemp()) / "overview.html")
    >>> "&lt;A7&gt;" in page.read_text("utf-8")
    True
    """
    path = Path(path)
    found = list(summaries)
    titles = Counter(c["title"] for each in found for c in each.criteria)
    heads = [title for title, _ in titles.most_common(_COLUMNS)]
    verdicts = Counter(each.verdict for each in found)
    text = render(
        "overview.html.j2",
        title="Coating quality of all batches",
        heads=heads,
        counts={v: verdicts[v] for v in reversed(ORDER) if verdicts[v]},
        rows=[_row(each, heads) for each in found],
    )
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(text.encode("utf-8", "replace"))
    part.replace(path)
    return path


def _row(each: Summary, heads: list[str]) -> dict[str, Any]:
    by_title = {c["title"]: c for c in each.criteria}
    return {
        "batch": each.batch or Path(each.file).name,
        "href": f"{quote(each.folder)}/report.html" if each.folder else "",
        "verdict": each.verdict,
        "reason": (each.reason or each.unread)[:300],
        "started": each.started[:16].replace("T", " "),
        "recipe": each.recipe,
        "cells": [by_title.get(head) for head in heads],
    }
