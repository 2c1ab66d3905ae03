"""A log that programs can read: one JSON object a line."""

from __future__ import annotations

import datetime as dt
import json
import sys
from collections.abc import Callable
from pathlib import Path

from coatcore.errors import MeasurementError, printable

Log = Callable[..., None]
# A reason can hold a file's whole garbage.
_LONGEST = 2000


def open_log(path: Path | None) -> Log:
    """A function ``log(event, **facts)`` that writes a line for people, and one for programs.

    For people to standard error; for programs, where `path` is given, as JSON with time (UTC,
    ISO 8601) and event, added to that file. The file is opened for each line, so that it may be
    rotated; a line that cannot be written, as on a full disk, is told on standard error, and
    stops nothing.

    Parameters
    ----------
    path : pathlib.Path or None

    Raises
    ------
    MeasurementError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "watch.jsonl"
    >>> open_log(path)("finished", batch="A7", verdict="pass")
    >>> json.loads(path.read_text())["verdict"]
    'pass'
    """
    if path is not None:
        try:
            with path.open("a", encoding="utf-8"):
                pass
        except OSError as error:
            raise MeasurementError(f"{path}: cannot be written ({error.strerror})") from error

    def log(event: str, **facts: object) -> None:
        now = dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds")
        short = {k: str(v)[:_LONGEST] for k, v in facts.items() if v not in ("", None)}
        words = " · ".join(printable(v)[:_LONGEST] for v in short.values())
        line = json.dumps({"time": now, "event": event, **short}) + "\n"
        try:
            sys.stderr.write(f"{now[:19]}Z {event}: {words}\n")
            sys.stderr.flush()
            if path is not None:
                with path.open("a", encoding="utf-8") as file:
                    file.write(line)
        except OSError as error:
            try:
                sys.stderr.write(f"{path}: cannot be written ({error.strerror})\n")
            except OSError:
                return

    return log
