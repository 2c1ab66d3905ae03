"""The ``coatqc`` command line. Heavy imports happen inside the commands."""

from __future__ import annotations

import io
import sys

from coatcore.errors import CoatqcError, printable

# Each module adds its commands.
from coatqc.cli import design, files, measure, setup, stored  # noqa: F401
from coatqc.cli.root import UNUSABLE, app


def main() -> None:
    """Run the command line; every error is one line and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that cannot print a minus sign or a superscript prints a question mark.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except CoatqcError as error:
        lines = str(error).splitlines()
    except Exception as error:  # never a traceback, and never the exit code of a failed batch
        lines = [f"unexpected {type(error).__name__}: {error}"[:500].replace("\n", " ")]
    else:
        return
    for line in lines:
        sys.stderr.write(f"error: {printable(line)}\n")
    sys.exit(UNUSABLE)
