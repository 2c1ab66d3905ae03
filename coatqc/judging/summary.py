"""What came of one batch, in few words: for lists, logs and messages."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from coatqc.judging.verdict import Verdict

if TYPE_CHECKING:
    from coatqc.judging.run import BatchResult

# In a report's folder, written last: what went in, and the summary.
DONE = "inputs.json"
# Of files that could not be read, so many are named.
_NAMED = 5
# What a title or reason may be long here; report.json holds the whole.
_LONGEST = 200


@dataclass(frozen=True)
class Summary:
    """What came of one batch.

    Parameters
    ----------
    file : str
        Batch file.
    batch : str
        Its name; empty where the file could not be read.
    folder : str
        Of the report, within the folder of all; empty where there is none.
    verdict : {"pass", "fail", "inconclusive", "not measured"}
    reason : str
        Why there is no report; empty where there is one.
    reused : bool
        Whether an earlier report of the same inputs stands.
    blame : {"", "batch", "place"}
        What the reason lies with: the batch, or where its report or record is to be kept. The
        latter may be mended and the batch be measured then.
    unread : str
        Files that could not be read, with why.
    recipe, started, sha256 : str
        Recipe with version, when the measuring began, and checksum of the batch file.
    criteria : tuple of dict
        Title, measured, limit and verdict of each criterion.

    Examples
    --------
    >>> Summary("a.toml", "", "", "not measured", "a.toml: no such file", False).verdict
    'not measured'
    """

    file: str
    batch: str
    folder: str
    verdict: Verdict
    reason: str
    reused: bool
    blame: Literal["", "batch", "place"] = ""
    unread: str = ""
    recipe: str = ""
    started: str = ""
    sha256: str = ""
    criteria: tuple[dict[str, str], ...] = field(default=(), repr=False)


def summarize(path: Path, folder: str, result: BatchResult) -> Summary:
    """Summary of a batch that has been measured.

    Examples
    --------
    >>> from coatqc.judging import run_batch
    >>> from coatqc.recipes import Batch
    >>> result = run_batch(Batch(schema_version=1, name="A7", samples={"A7": {}}))
    >>> summarize(Path("a.toml"), "A7-0", result).verdict
    'inconclusive'
    """
    errors = [f.error for f in result.files if f.error]
    more = f"; and {len(errors) - _NAMED} more" if len(errors) > _NAMED else ""
    batch = result.batch
    return Summary(
        str(path),
        batch.name,
        folder,
        result.verdict,
        "",
        reused=False,
        unread="; ".join(e[:_LONGEST] for e in errors[:_NAMED]) + more,
        recipe=f"{batch.recipe_name} {batch.recipe_version}".strip(),
        started=result.started,
        sha256=batch.sha256,
        criteria=tuple(
            {
                "title": o.title[:_LONGEST],
                "measured": o.measured or o.error[:_LONGEST],
                "limit": o.limit,
                "verdict": o.verdict or "",
            }
            for o in result.criteria
        ),
    )


def summary_in(folder: Path) -> Summary | None:
    """Summary that a report's folder keeps; None where it is not such.

    Examples
    --------
    >>> summary_in(Path("nowhere")) is None
    True
    """
    kept = facts_in(folder).get("summary")
    if not isinstance(kept, dict):
        return None
    try:
        criteria = tuple(dict(each) for each in kept.pop("criteria", ()))
        return Summary(**{**kept, "reused": True}, criteria=criteria)
    except (TypeError, ValueError):
        return None


def finished(output: str | Path) -> list[Summary]:
    """Summaries of all reports in a folder, by name of their folders.

    Examples
    --------
    >>> import tempfile
    >>> finished(tempfile.mkdtemp())
    []
    """
    found = (summary_in(path.parent) for path in sorted(Path(output).glob(f"[!.]*/{DONE}")))
    return [each for each in found if each is not None]


def facts_in(folder: Path) -> dict[str, Any]:
    """What a report's folder keeps beside the report; nothing where it is not such.

    Examples
    --------
    >>> facts_in(Path("nowhere"))
    {}
    """
    try:
        facts = json.loads((folder / DONE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
