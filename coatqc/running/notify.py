"""Tell a webhook or a command what came of a batch: at least once, and the same words again."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coatcore.errors import CoatqcError, MeasurementError, printable
from coatqc.running.one_batch import UNTOLD

# Seconds that each may take.
_WEBHOOK, _COMMAND = 10, 60
# What of a command's or server's answer is worth a line in the log.
_SHOWN = 300


class NotTold(CoatqcError):  # noqa: N818
    """Somebody could not be told; it is tried again."""


@dataclass(frozen=True)
class Hooks:
    """Who is told of verdicts.

    Parameters
    ----------
    webhook : str
        URL (http or https) to which a JSON object is posted; empty for none.
    command : str
        Command with arguments, run without a shell; empty for none. The same JSON object comes on
        its standard input, and COATQC_BATCH, COATQC_VERDICT, COATQC_REASON, COATQC_REPORT and
        COATQC_ID in its environment.

    Raises
    ------
    MeasurementError
        If the URL is none of http or https, or the command cannot be split into words.

    Examples
    --------
    >>> Hooks(webhook="ftp://lab")
    Traceback (most recent call last):
        ...
    coatcore.errors.MeasurementError: webhook: found a URL of 'ftp', expected http or https
    """

    webhook: str = ""
    command: str = ""

    def __post_init__(self) -> None:
        scheme = urllib.parse.urlsplit(self.webhook).scheme
        if self.webhook and scheme not in ("http", "https"):
            raise MeasurementError(f"webhook: found a URL of {scheme!r}, expected http or https")
        try:
            words = _words(self.command)
        except ValueError as error:
            raise MeasurementError(f"command {self.command!r}: {error}") from error
        if self.command and not words:
            raise MeasurementError("command: found only blanks, expected a command")

    @property
    def names(self) -> list[str]:
        """Which there are."""
        return [name for name in ("webhook", "command") if getattr(self, name)]


def tell(folder: Path, message: dict[str, Any], hooks: Hooks) -> bool:
    """Tell what the message in a folder is still to be told to, and take the message away.

    Parameters
    ----------
    folder : pathlib.Path
        Holds ``untold.json``; without it there is nothing to tell.
    message : dict
        With batch, verdict, reason, report (path) and file; an id is added by which who is told
        twice, as after a power cut, can see that.
    hooks : Hooks

    Returns
    -------
    bool
        Whether there was something to tell.

    Raises
    ------
    NotTold
        If one could not be told. The other is not told again.

    Examples
    --------
    >>> import tempfile
    >>> tell(Path(tempfile.mkdtemp()), {}, Hooks())
    False
    """
    path = folder / UNTOLD
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    told = list(kept.get("told", ()))
    whole = {"id": str(kept.get("id", "")), "text": _text(message), **message}
    failures = []
    ways: dict[str, Callable[[dict[str, Any], str], None]] = {"webhook": _post, "command": _run}
    for name in hooks.names:
        if name in told:
            continue
        try:
            ways[name](whole, getattr(hooks, name))
        except NotTold as error:
            failures.append(str(error))
            continue
        told.append(name)
        path.write_text(json.dumps({**kept, "told": told}), encoding="utf-8")
    if failures:
        raise NotTold("; ".join(failures))
    path.unlink()
    return True


def _text(message: dict[str, Any]) -> str:
    """One line for people, which chat services show."""
    reason = f" ({message['reason']})" if message.get("reason") else ""
    return printable(f"{message.get('batch')}: {message.get('verdict')}{reason}")[:_SHOWN]


def _post(message: dict[str, Any], url: str) -> None:
    request = urllib.request.Request(
        url,
        data=json.dumps(message).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": message["id"]},
        method="POST",
    )
    # A webhook's path is often its secret.
    where = urllib.parse.urlsplit(url).hostname
    try:
        with urllib.request.urlopen(request, timeout=_WEBHOOK) as answer:
            answer.read(_SHOWN)
    except urllib.error.HTTPError as error:
        raise NotTold(f"webhook at {where}: answers {error.code}") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NotTold(f"webhook at {where}: {printable(str(reason))}") from error


def _run(message: dict[str, Any], command: str) -> None:
    words = _words(command)
    known = {
        f"COATQC_{name.upper()}": printable(str(message.get(name, "")))[:_SHOWN]
        for name in ("id", "batch", "verdict", "reason")
    }
    try:
        done = subprocess.run(
            words,
            input=json.dumps(message).encode(),
            env={**os.environ, **known, "COATQC_REPORT": str(message.get("report", ""))},
            capture_output=True,
            timeout=_COMMAND,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise NotTold(f"command {words[0]}: took longer than {_COMMAND} s") from error
    except OSError as error:
        raise NotTold(f"command {words[0]}: cannot be run ({error.strerror})") from error
    if done.returncode:
        said = printable(done.stderr[-_SHOWN:].decode("utf-8", "replace").strip())
        raise NotTold(f"command {words[0]}: ends with {done.returncode} {said}".rstrip())


def _words(command: str) -> list[str]:
    return shlex.split(command, posix=os.name == "posix")
