"""XML from a file that nobody vouches for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from coatcore.errors import ReadError

# Signs of elements and attributes beyond which no diffractogram goes; each costs a hundred bytes
# and more of memory when it is parsed.
_TAGS, _ATTRIBUTES = 500_000, 1_000_000


def parse_xml(path: Path, raw: bytes) -> Any:
    """Root of an XML text, its tags without namespaces; entities and document types are refused.

    Raises
    ------
    ReadError
        If it declares entities or a document type, is not well-formed, or holds more elements or
        attributes than a diffractogram does.
    """
    # Before it is parsed: a few bytes of an element become hundreds in memory.
    for sign, most, what in ((b"<", _TAGS, "tags"), (b"=", _ATTRIBUTES, "attributes")):
        if (found := raw.count(sign)) > most:
            raise ReadError(
                path,
                f"holds {found} {what}, expected {most} at most",
                "split the measurement, or export it as text",
            )
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, fromstring

    try:
        root = fromstring(raw, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ReadError(
            path, f"declares entities or a document type ({error})", "no instrument writes these"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise ReadError(path, f"is not well-formed XML ({error})", "export it again") from error
    for element in root.iter():
        # Versions of a schema differ in little but their namespace.
        if isinstance(element.tag, str):
            element.tag = element.tag.rpartition("}")[2]
    return root
