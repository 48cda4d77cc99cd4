"""XML documents, parsed by lxml; nothing is fetched, and no entity is expanded.

| in the file | node |
|---|---|
| ``<item>`` | kind ``item``, numbered among its brothers |
| ``id="7"`` | kind ``number`` or ``string``, role ``@id``, below its element |
| text of an element with no element in it | the element's own number or text |
| other text, tails too | kind ``#text``, numbered among the elements |

A number is what JSON writes as one (``007`` is text), or ``NaN``, ``INF``, ``-INF``. A
name in a namespace is written with its prefix, ``svg:path``, and without one where the
namespace is the default. White space is one blank; comments and processing
instructions are passed over.

A file that defines entities is refused: they may grow without bound (the billion
laughs) or name other files. libxml2 reads elements up to 2,048 deep.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from html.entities import html5
from importlib import import_module
from itertools import chain
from typing import Any

from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers.encodings import line_and_column, text_of
from treefold.data.readers.values import Part, add_value, as_number, clean

DECLARED = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([-\w.:]{1,40})["']""")
UTF16 = {b"<\0": "utf-16-le", b"\0<": "utf-16-be"}  # without a mark
TEXT = "#text"


def read(
    content: bytes, place: str, *, ordered: bool | None = None, each: str = ""
) -> Iterator[Document | DataError]:
    """Read an XML file, which is one document or holds many.

    Args:
        content: the file, in the encoding that it declares, or UTF-8 or UTF-16.
        place: its name, for messages.
        ordered: None and True number elements among their brothers, and texts; True
            attributes too. False numbers nothing, as for records whose fields come in
            any order.
        each: the tag of the elements that are a document each; "" where the file is
            one.

    Yields:
        The documents, and a `DataError` where there is none.
    """
    try:
        root = parse(content, place)
    except DataError as error:
        yield error
        return
    found = [(place, root)]
    if each:
        elements = (e for e in root.iter() if name_of(e, e.tag) == each)
        found = [(f"{place}:{e.sourceline}", e) for e in elements]
        if not found:
            yield DataError(f"{place}: there is no element <{each}> in it")
    for where, element in found:
        document = Document(where)
        try:
            add_value(document, -1, element, ordered=ordered, describe=describe)
        except DataError as error:
            yield error
        else:
            yield document


def parse(content: bytes, place: str) -> Any:
    """Return the root element of an XML file.

    Raises:
        DataError: it is not well-formed, defines entities, or is too deep.
    """
    try:
        etree: Any = import_module("lxml.etree")
    except ImportError:
        raise DataError(MISSING) from None

    declared = DECLARED.match(content)
    encoding = declared[1].decode() if declared else UTF16.get(content[:2])
    text = text_of(content, place, encoding)
    _refuse_entities(text, place)
    parser = etree.XMLParser(
        encoding="utf-8",  # whatever the file declares: it has been decoded
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=True,  # bounds of depth and length for data, not for an attack
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        line, column = error.position
        raise DataError(f"{place}:{line}:{column}: {_reason(error.msg)}") from None
    for entity in root.iter(etree.Entity):
        if f"{entity.name};" not in html5:
            raise DataError(
                f"{place}:{entity.sourceline}: the entity &{entity.name}; is not "
                "known, and a file that would define it is not read; write its text"
            )
    return root


def describe(value: Any, role: str, silent: Collection[str] = ()) -> Part | None:
    """Say what node an element, an attribute or a text is; see `add_value`.

    Args:
        value: an element of lxml, or a text.
        role: ``#text`` or the attribute's name, for texts.
        silent: tags of elements without what is in them.
    """
    if isinstance(value, str):
        number = as_number(value)
        if role == TEXT:
            return Part(TEXT, clean(value) if number is None else None, number)
        if number is None:
            return Part("string", clean(value))
        return Part("number", number=number)
    if not isinstance(value.tag, str):
        return None
    attributes = [
        (f"@{name_of(value, key)}", -1, text) for key, text in value.attrib.items()
    ]
    attributes.sort(key=lambda attribute: attribute[0])
    inside = [] if value.tag in silent else list(parts(value))
    if all(isinstance(part, str) for part in inside):
        own = " ".join(inside)
        number = as_number(own)
        text = clean(own) if own and number is None else None
        return Part(name_of(value, value.tag), text, number, children=attributes)
    numbered = (
        (TEXT if isinstance(part, str) else "", place, part)
        for place, part in enumerate(inside)
    )
    return Part(name_of(value, value.tag), children=chain(attributes, numbered))


def parts(element: Any) -> Iterator[Any]:
    """Go through the texts and elements in an element, but for white space."""
    pieces = [element.text or ""]
    for child in element:
        if isinstance(child.tag, str):
            if text := _joined(pieces):
                yield text
            pieces = []
            yield child
        elif name := getattr(child, "name", None):  # an entity, as XHTML's &nbsp;
            pieces.append(html5[f"{name};"])
        pieces.append(child.tail or "")
    if text := _joined(pieces):
        yield text


def _joined(pieces: list[str]) -> str:
    return " ".join("".join(pieces).split())


def name_of(element: Any, name: Any) -> str:
    """Return a tag or an attribute's name with its prefix in place of its namespace."""
    if not isinstance(name, str):
        return ""  # of an entity
    if not name.startswith("{"):
        return name
    space, _, local = name[1:].rpartition("}")
    if name == element.tag:
        prefix = element.prefix
    else:
        prefix = next((p for p, uri in element.nsmap.items() if p and uri == space), "")
    return f"{prefix}:{local}" if prefix else local


def _refuse_entities(text: str, place: str) -> None:
    """Refuse a file that defines an entity, before libxml2 sees it."""
    # Only `<!ENTITY` does so, in a DOCTYPE. Where in it is not looked at: a comment
    # with that in it, in a file with a DOCTYPE, is refused too.
    start = text.find("<!DOCTYPE")
    at = text.find("<!ENTITY", start) if start >= 0 else -1
    if at >= 0:
        raise DataError(
            f"{place}:{line_and_column(text, at)}: the file defines entities, which "
            "may grow without bound or name other files, and is refused; write their "
            "text where they are used, e.g. with xmllint --noent if you trust the file"
        )


def _reason(message: str | None) -> str:
    """Return libxml2's reason, with our cure where there is one."""
    message = (message or "this is no XML").split(", line ")[0].strip()
    if message.startswith("Excessive depth"):
        return "elements are nested more than 2,048 deep, which libxml2 does not read"
    return f"{message[0].lower()}{message[1:]}"


MISSING = "XML and HTML are parsed by lxml: pip install 'treefold[web]'"
