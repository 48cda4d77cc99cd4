"""HTML pages, parsed by lxml, which reads tag soup as a browser does.

Nodes are those of `xml_text`: a tag is a kind, attributes are children of the role
``@class``, text stands in the element itself where there is no other in it. Of scripts
and styles the element and its attributes remain, what is in them is no text. Nothing is
run or fetched. libxml2 reads elements up to 2,048 deep.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from importlib import import_module
from typing import Any

from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers import xml_text
from treefold.data.readers.encodings import MARKS, codec_of
from treefold.data.readers.values import add_value

SILENT = ("script", "style", "template")
DECLARED = re.compile(
    rb"""<meta\s[^>]{0,200}?charset\s*=\s*["']?\s*([-\w.:]{1,40})""", re.I
)
WHERE_DECLARED = 4096  # bytes at the beginning of a page


def read(
    content: bytes, place: str, *, ordered: bool | None = None
) -> Iterator[Document | DataError]:
    """Read a page, which is one document.

    Args:
        content: the page. Its encoding is what its mark says, or its ``<meta>``; else
            UTF-8 where it is that, and windows-1252 where not.
        place: its name, for messages.
        ordered: None and True number elements among their brothers, and texts; True
            attributes too. False numbers nothing.

    Yields:
        The document, or the `DataError` that says why there is none.
    """
    document = Document(place)
    try:
        root = parse(content, place)
        describe = partial(xml_text.describe, silent=SILENT)
        add_value(document, -1, root, ordered=ordered, describe=describe)
    except DataError as error:
        yield error
    else:
        yield document


def parse(content: bytes, place: str) -> Any:
    """Return the root element of a page.

    Raises:
        DataError: there is nothing in it, or it is too deep.
    """
    try:
        etree: Any = import_module("lxml.etree")
    except ImportError:
        raise DataError(xml_text.MISSING) from None

    parser = etree.HTMLParser(
        encoding="utf-8",
        no_network=True,
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(_decoded(content).encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        root = None
    for entry in parser.error_log:
        if "depth" in entry.message:  # and what lies deeper was left out
            raise DataError(
                f"{place}:{entry.line}:{entry.column}: elements are nested more than "
                "2,048 deep, which libxml2 does not read; close what is left open"
            )
    if root is None:
        raise DataError(f"{place}:1:1: expected a page, found nothing to show in it")
    return root


def _decoded(content: bytes) -> str:
    """Return a page's text, whatever its bytes are."""
    for mark, codec in MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(codec, "replace")
    declared = DECLARED.search(content, 0, WHERE_DECLARED)
    codec = codec_of(declared[1].decode()) if declared else None
    for name in (codec, "utf-8"):
        # A page that declares UTF-16 in ASCII is not in UTF-16, says the standard.
        if name and not name.startswith(("utf-16", "utf-32")):
            try:
                return content.decode(name)
            except UnicodeDecodeError:
                continue
    return content.decode("windows-1252", "replace")
