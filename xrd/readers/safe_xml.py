"""XML from a file that nobody vouches for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from coatqc.core.errors import ReadError


def parse_xml(path: Path, raw: bytes) -> Any:
    """Root of an XML text, its tags without namespaces; entities and document types are refused.

    Raises
    ------
    ReadError
        If it declares entities or a document type, or is not well-formed.
    """
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
