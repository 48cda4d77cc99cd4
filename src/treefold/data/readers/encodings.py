"""Bytes from outside as text: the encoding that they declare, or that fits them."""

from __future__ import annotations

import codecs
import re

from treefold.data.errors import DataError

MARKS = (  # the longer first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Python also has codecs that run for ever (punycode) or that run escapes.
CHARACTER_SETS = re.compile(
    r"(us-?)?ascii|(utf|u)[-_]?(8|16|32)([-_]?[bl]e)?|iso[-_ ]?(8859|2022).*|latin.*"
    r"|l\d+|(cp|windows|ibm|mac|koi8|gb|big5|euc|shift|s?jis|johab|hz|tis).*",
    re.IGNORECASE,
)


def text_of(content: bytes, place: str, encoding: str | None = None) -> str:
    r"""Return the text of a file: UTF-8, or of the encoding that its first bytes mark.

    Args:
        content: the file.
        place: its name, for messages.
        encoding: what the file says of itself, where it does.

    Raises:
        DataError: it is of another encoding, with line and column; or the encoding is
            none that is known.

    Example:
        >>> text_of(b"caf\xc3\xa9", "menu.sql")
        'café'
        >>> text_of(b"caf\xe9", "menu.xml", "latin-1")
        'café'
    """
    for mark, name in MARKS:
        if content.startswith(mark):
            content, encoding = content[len(mark) :], name
            break
    codec = codec_of(encoding or "utf-8")
    if codec is None:
        raise DataError(
            f"{place}:1:1: the encoding {encoding!r} is not known; convert the file, "
            "e.g. with iconv, to UTF-8"
        )
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        before = content[: error.start].decode(codec, "replace")
        byte = content[error.start]
        raise DataError(
            f"{place}:{line_and_column(before, len(before))}: expected {codec} text, "
            f"found the byte 0x{byte:02x} ({error.reason}); convert the file, e.g. "
            "with iconv -f LATIN1 -t UTF-8"
        ) from None


def codec_of(encoding: str) -> str | None:
    """Return Python's name of a set of characters, None where it has none."""
    if not CHARACTER_SETS.fullmatch(encoding):
        return None
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return None


def line_and_column(text: str, position: int) -> str:
    r"""Return ``line:column`` of a position, both from 1.

    >>> line_and_column("ab\ncd", 4)
    '2:2'
    """
    line = text.count("\n", 0, position) + 1
    return f"{line}:{position - text.rfind(chr(10), 0, position)}"
