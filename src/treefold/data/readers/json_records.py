"""JSON records as documents: one value, an array of records, or a record on each line.

What nodes the values become is told in `treefold.data.readers.values`. The standard
library does the parsing, with what people have in their files besides:

- NaN, Infinity and -Infinity are numbers, and integers may have any number of digits;
- text is UTF-8, or UTF-16 or UTF-32 where the file begins with a mark of byte order;
- nesting may be 100,000 levels deep;
- a key that stands twice in an object is an error: which of the two is meant, nobody
  can say, and readers differ. The record is left out.
"""

from __future__ import annotations

import codecs
import json
import re
import sys
from collections.abc import Iterator
from json import decoder, scanner
from typing import Any, NamedTuple, final

from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers.encodings import MARKS, text_of
from treefold.data.readers.values import add_value, clean

MOST_LEVELS = 200_000
WIDE = tuple(mark for mark, name in MARKS if name != "utf-8")
SPACE = re.compile(r"[ \t\r\n]*")
SHOWN = 20  # characters of what was found


class Record(NamedTuple):
    """A value, and where it was read."""

    place: str
    value: Any


def read(
    content: bytes,
    place: str,
    *,
    ordered: bool | None = None,
    many: bool = True,
    lines: bool = False,
) -> Iterator[Document | DataError]:
    r"""Read records as documents.

    Args:
        content: of a file.
        place: its name, for messages.
        ordered: None: items of arrays are numbered, members of objects are not; False:
            nothing is numbered; True: both are.
        many: whether an array holds records, and values may follow each other; else
            the file is one value, an array or not.
        lines: every line is a record, and a bad one does not end the reading.

    Yields:
        A document for each record, or what is wrong with it.

    Example:
        >>> text = b'{"id": 1, "tags": ["new"]}\n{"id": 2]\n{"id": 3}'
        >>> for found in read(text, "orders.jsonl", lines=True):
        ...     print(found if isinstance(found, DataError) else len(found))
        4
        orders.jsonl:2:9: this is no JSON: expecting ',' delimiter, found ']'
        2
    """
    for record in records(content, place, many=many, lines=lines):
        yield as_document(record, ordered) if isinstance(record, Record) else record


def records(
    content: bytes, place: str, *, many: bool = True, lines: bool = False
) -> Iterator[Record | DataError]:
    """Read records as plain values; see `read`."""
    try:
        content = in_utf8(content, place)
        if lines or (many and _is_in_lines(content)):
            values = Values()
            for number, line in enumerate(content.split(b"\n"), 1):
                yield from record_of(line, place, number, values)
            return
        text = text_of(content, place)
    except DataError as error:
        yield error
        return
    yield from (_many if many else _one)(text, place)


def record_of(
    line: bytes, place: str, number: int, values: Values | None = None
) -> Iterator[Record | DataError]:
    """Read a line: a record, an error, or nothing where it is blank."""
    here = f"{place}:{number}"
    try:
        text = line.decode().strip(" \t\r\n")
    except UnicodeDecodeError as error:
        byte = line[error.start]
        yield DataError(
            f"{here}:{error.start + 1}: expected text in UTF-8, found the byte "
            f"{byte:#04x}; convert the file, e.g. with iconv -f LATIN1 -t UTF-8"
        )
        return
    if text:
        before = line.index(text[0].encode())
        for record in _one(text, here, values):
            moved = _moved(record, here, before)
            if text in ("{", "[") and isinstance(moved, DataError):
                moved = DataError(f"{moved}; if records span lines, say --format json")
            yield moved


def as_document(record: Record, ordered: bool | None = None) -> Document | DataError:
    """Make the document of a record."""
    document = Document(record.place)
    try:
        add_value(document, -1, record.value, ordered=ordered)
    except DataError as error:
        return error
    return document


def in_utf8(content: bytes, place: str) -> bytes:
    """Return text in UTF-8 without a mark of byte order, if it is of UTF-16 or 32.

    Raises:
        DataError: a mark, and text that is not what it says.
    """
    if content.startswith(WIDE):
        return text_of(content, place).encode("utf-8", "surrogatepass")
    return content.removeprefix(codecs.BOM_UTF8)


# ------------------------------------------------------------------ values in a text


@final
class Values:
    """The standard library's decoder, which notices keys that stand twice."""

    def __init__(self) -> None:
        self.twice: str | None = None
        self.quick = json.JSONDecoder(object_pairs_hook=self._object)
        # The same in Python: its frames are on the heap, so that nesting may be deep,
        # and its integers may be long. It is tried where the quick one gives up.
        self.patient = json.JSONDecoder(
            object_pairs_hook=self._object, parse_int=_integer
        )
        self.patient.parse_array = decoder.JSONArray  # type: ignore[attr-defined]
        self.patient.parse_object = decoder.JSONObject  # type: ignore[attr-defined]
        self.patient.scan_once = scanner.py_make_scanner(self.patient)  # type: ignore[attr-defined]

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs) and self.twice is None:
            keys = [key for key, _ in pairs]
            self.twice = next(key for key in keys if keys.count(key) > 1)
        return found

    def at(self, text: str, start: int, place: str) -> tuple[Record | DataError, int]:
        """Read the value that begins at a place; return it and where it ends.

        Raises:
            json.JSONDecodeError: there is none.
        """
        self.twice = None
        try:
            value, end = self.quick.raw_decode(text, start)
        except json.JSONDecodeError:
            raise
        except (RecursionError, ValueError):
            value, end = self._patiently(text, start)
        if self.twice is not None:
            key = clean(self.twice)[:SHOWN]
            return DataError(
                f"{place}: the key {key!r} stands twice in an object; keep one of them"
            ), end
        return Record(place, value), end

    def _patiently(self, text: str, start: int) -> tuple[Any, int]:
        before = sys.getrecursionlimit()
        # Two calls a level. The limit is the process's: others may call deeper, too,
        # for as long as this takes.
        sys.setrecursionlimit(before + 2 * MOST_LEVELS)
        try:
            return self.patient.raw_decode(text, start)
        except RecursionError:
            levels = f"more than {MOST_LEVELS:,} levels"
            raise json.JSONDecodeError(levels, text, start) from None
        finally:
            sys.setrecursionlimit(before)


def _integer(digits: str) -> int | float:
    """Return an integer; one of thousands of digits as a float, which is infinite."""
    try:
        return int(digits)
    except ValueError:
        return float(digits)


def _one(
    text: str, place: str, values: Values | None = None
) -> Iterator[Record | DataError]:
    """Read a text that is one value."""
    values = values or Values()
    try:
        found, end = values.at(text, _skip(text, 0), place)
        end = _skip(text, end)
        if end < len(text):
            raise json.JSONDecodeError("the value has ended", text, end)
    except json.JSONDecodeError as error:
        found = _told(error, place)
    yield found


def _many(text: str, place: str) -> Iterator[Record | DataError]:
    """Read the items of an array, or values that follow each other."""
    values = Values()
    at = _skip(text, 0)
    line, counted = 1, 0  # lines up to a place
    in_array = text.startswith("[", at)
    if in_array:
        at = _skip(text, at + 1)
        if text.startswith("]", at):
            at = _skip(text, at + 1)
            in_array = False
    try:
        while at < len(text) or in_array:
            line, counted = line + text.count("\n", counted, at), at
            found, at = values.at(text, at, f"{place}:{line}")
            yield found
            at = _skip(text, at)
            if not in_array:
                continue
            if text.startswith(",", at):
                at = _skip(text, at + 1)
            elif text.startswith("]", at):
                at, in_array = _skip(text, at + 1), False
                if at < len(text):
                    raise json.JSONDecodeError("the array has ended", text, at)
            else:
                raise json.JSONDecodeError("Expecting ',' delimiter or ']'", text, at)
    except json.JSONDecodeError as error:
        yield _told(error, place)


def _skip(text: str, at: int) -> int:
    found = SPACE.match(text, at)
    assert found is not None  # it matches nothing, too
    return found.end()


def _is_in_lines(content: bytes) -> bool:
    """Whether a file has more than one line, and the first is a whole value."""
    first, _, rest = content.lstrip().partition(b"\n")
    if not first or not rest.strip() or first.rstrip()[-1:] not in b"]}":
        return False
    found = next(_one(first.decode("utf-8", "replace"), ""))
    return isinstance(found, Record) or "stands twice" in str(found)


def _told(error: json.JSONDecodeError, place: str) -> DataError:
    """Say what is wrong with a text."""
    found = clean(error.doc[error.pos : error.pos + SHOWN]).split("\n")[0]
    what = f"found {found!r}" if found else "found the end"
    message = error.msg[:1].lower() + error.msg[1:]
    return DataError(
        f"{place}:{error.lineno}:{error.colno}: this is no JSON: {message}, {what}"
    )


def _moved(found: Record | DataError, here: str, before: int) -> Record | DataError:
    """Put an error in a line of a file where it stands: ``file:line:column``."""
    if isinstance(found, Record) or not str(found).startswith(f"{here}:1:"):
        return found
    column, _, rest = str(found).removeprefix(f"{here}:1:").partition(":")
    return DataError(f"{here}:{int(column) + before}:{rest}")
