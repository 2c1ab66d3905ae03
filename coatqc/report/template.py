"""Pages from their templates, with the style and the script that all of them share."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import Any

from coatcore.words import pretty_unit

# What of a name or message a page shows; report.json holds the whole.
_LONGEST = 1000


def render(name: str, **context: Any) -> str:
    """A page that fetches nothing and runs no script but its own.

    Every text is escaped by the template engine; characters that would steer a terminal or turn
    the direction of writing, and lone surrogates, are replaced, and text of more than 1,000
    characters is cut, with a word that it was.

    Parameters
    ----------
    name : str
        Of the template in this package.
    **context
        What the template shows.

    Examples
    --------
    >>> "charset" in render("overview.html.j2", title="<b>", rows=[], counts={}, heads=[])
    True
    """
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    folder = resources.files("coatqc.report")

    def text_of(file: str) -> str:
        return folder.joinpath(file).read_text("utf-8")

    environment = Environment(
        loader=FunctionLoader(text_of),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=shown,
    )
    environment.filters["unit"] = pretty_unit
    script = text_of("page.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return environment.get_template(name).render(
        **context,
        style=Markup(text_of("style.css")),
        script=Markup(script),
        policy=f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'",
    )


def shown(value: object) -> object:
    r"""A text as a page shows it; anything else as it is.

    Examples
    --------
    >>> shown("a\u202eb\x00")
    'a�b�'
    >>> shown("x" * 5000)[-33:]
    'xxxxxxxxx… (cut: 5000 characters)'
    """
    if type(value) is not str:
        return value
    if value.startswith("data:image/"):
        return value
    if not value.isprintable():
        value = "".join(c if c.isprintable() or c == "\n" else _instead(c) for c in value)
    if len(value) > _LONGEST:
        return f"{value[:_LONGEST]}… (cut: {len(value)} characters)"
    return value


def _instead(character: str) -> str:
    return " " if character.isspace() else "\ufffd"
