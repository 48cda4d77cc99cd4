"""Python objects as documents: what JSON knows, and what libraries hold trees in.

| object | node |
|---|---|
| dict, list, tuple, str, number, bool, None | as the same JSON, see `values` |
| numbers of numpy, `Decimal`, `Fraction` | ``number``; pandas' NA and NaT ``null`` |
| 1-d array of up to 4,096 numbers | ``vector``; other arrays ``array`` |
| date, time, duration | ``date``, with text and seconds since 1970; alike |
| set | ``array``, nothing numbered |
| Enum | ``string``, its name |
| dataclass, named tuple | its class as kind, fields as members |
| row or column of pandas | ``object``, its index the keys |
| `nltk.Tree` | its label as kind, a word as ``word`` |
| `ast.AST` | as in `python_source` |
| element of lxml | as in `xml_text` |
| expression of sqlglot | as in `sql` |
| expression of sympy | as in `sympy_text` |
| `networkx.DiGraph` without a cycle | ``node``, attributes as members, see `document` |
| `Document` | itself |

A library is asked for its types only where it has been imported: this imports none.
"""

from __future__ import annotations

import ast
import dataclasses
import datetime
import decimal
import enum
import fractions
import math
import sys
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np

from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers import python_source, sql, sympy_text, values, xml_text
from treefold.data.readers.digraphs import GraphNode, Roots, whole
from treefold.data.readers.formats import format_named
from treefold.data.readers.values import Part, add_value, clean, items, members

PLAIN = {str, int, float, bool, type(None), dict, list, tuple}
LONGEST_VECTOR = 4096  # numbers; a longer array is one of items
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def document(
    obj: Any, *, ordered: bool | None = None, place: str = "", target: Any = None
) -> Document:
    """Make a document of a Python object.

    An edge of a networkx graph leads from a node to what is below it. The node that no
    edge leads to is the root; several stand below a root of the kind ``graph``. What
    several edges lead to is there several times: the graph is unfolded. A node's
    attributes are its members, but ``kind``, ``text`` and ``number`` are its own; an
    edge's ``role`` and ``position`` are those of the node that it leads to.

    Args:
        obj: see the module's table.
        ordered: None numbers children where their order matters: items of lists, of
            trees; False none; True all.
        place: what messages call it.
        target: what is to be told of it.

    Raises:
        DataError: something in it is of an unknown type, contains itself, or makes more
            than 1,000,000 nodes; the message has the path to it.

    Example:
        >>> print(document({"total": 9.5, "lines": [{"sku": "A1"}]}))
        object
          lines: array
            lines[]: object
              sku: "A1"
          total: 9.5
    """
    if isinstance(obj, Document):
        return obj
    if isinstance(obj, ast.AST):
        made = python_source.of_ast(obj, place, ordered=ordered)
        made.target = target
        return made
    made = Document(place, target)
    add_value(made, -1, whole(obj), ordered=ordered, describe=describe)
    return made


def documents(
    objects: Iterable[Any],
    *,
    format: str | None = None,
    ordered: bool | None = None,
    options: Mapping[str, Any] | None = None,
) -> list[Document]:
    """Make a document of each object: of a list, an array, a column of pandas.

    Args:
        objects: see `document`.
        format: how strings (and bytes) are read: ``"json"``, ``"sql"``, ``"html"``.
            Each must hold one document. None takes them as they are.
        ordered: see `document`.
        options: of the format's reader, such as ``{"dialect": "postgres"}``.

    Raises:
        DataError: the first object that cannot be made one, ``value 3: ...``.
    """
    known = None if format is None else format_named(format)
    if _is(objects, "pandas", "DataFrame"):
        objects = objects.to_dict("records")  # type: ignore[attr-defined]
    found: list[Document] = []
    for number, value in enumerate(objects):
        place = f"value {number}"
        if known is None or not isinstance(value, (str, bytes)):
            found.append(document(value, ordered=ordered, place=place))
            continue
        content = value.encode("utf-8", "replace") if isinstance(value, str) else value
        given = {**known.options, **known.alone, **(options or {})}
        parts = list(known.read(content, place, ordered=ordered, **given))
        for part in parts:
            if isinstance(part, DataError):
                raise part
        if len(parts) != 1:
            raise DataError(
                f"{place}: expected one document of the format {format!r}, found "
                f"{len(parts)}"
            )
        found += [part for part in parts if isinstance(part, Document)]
    return found


def describe(value: Any, role: str) -> Part | None:
    """Say what node an object is, and what lies below it; None if that is not known."""
    if type(value) in PLAIN:
        return values.describe(value, role)
    if isinstance(value, (_Leaf, GraphNode, Roots)):
        return value.part()
    names = getattr(value, "_fields", None)
    if names is not None and isinstance(value, tuple):
        return _fields(value, names)
    # A tree of nltk is a list, a time of pandas a date: so libraries come first.
    part = _of_library(value, role) or _of_python(value, role)
    return part or values.describe(value, role)


def _of_python(value: Any, role: str) -> Part | None:
    """Say what node an object of Python's own library is."""
    match value:
        case enum.Enum():
            return Part("string", clean(value.name or str(value)))
        case str() | float() | int() | None | dict():
            return None  # what JSON knows, most often
        case np.floating():
            return Part("number", number=float(value))
        case np.datetime64() | np.timedelta64():
            unit = "M8[us]" if isinstance(value, np.datetime64) else "m8[us]"
            return describe(value.astype(unit).item(), role)  # not as nanoseconds
        case np.generic():
            inner = value.item()
            return None if isinstance(inner, np.generic) else describe(inner, role)
        case np.ndarray():
            return _array(value, role)
        case datetime.datetime():
            moment = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
            seconds = (moment - EPOCH).total_seconds()
            return Part("date", value.isoformat(), seconds)
        case datetime.date():
            days = value.toordinal() - EPOCH.toordinal()
            return Part("date", value.isoformat(), days * 86400.0)
        case datetime.time():
            seconds = (value.hour * 60 + value.minute) * 60 + value.second
            return Part("time", value.isoformat(), seconds + value.microsecond / 1e6)
        case datetime.timedelta():
            return Part("duration", number=value.total_seconds())
        case decimal.Decimal():
            return Part("number", number=math.nan if value.is_nan() else float(value))
        case fractions.Fraction():
            return Part("number", number=_ratio(value))
        case bytes() | bytearray():
            return Part("string", bytes(value).decode("utf-8", "replace"))
        case Mapping():
            return Part("object", children=members(value.items()))
        case AbstractSet():
            ranked = sorted(value, key=lambda item: (type(item).__name__, repr(item)))
            return Part(
                "array", children=[(r, -1, v) for r, _, v in items(ranked, role)]
            )
        case ast.AST():
            kind, text, number, below = python_source._parts(value)
            children = [
                (name, k, _Leaf("identifier", v) if isinstance(v, str) else v)
                for v, name, k in below
            ]
            return Part(kind, text, number, children=children)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _fields(value, [field.name for field in dataclasses.fields(value)])
    return None


def _of_library(value: Any, role: str) -> Part | None:
    """Say what node an object of a library is that has been imported."""
    kind = type(value)
    library = str(kind.__module__).partition(".")[0]
    if library == "pandas":
        import pandas as pd

        if value is pd.NaT or value is pd.NA:
            return Part("null")
        if isinstance(value, pd.Series):
            return Part("object", children=members(value.items()))
        return None
    if library == "torch" and hasattr(value, "detach"):
        return _array(value.detach().cpu().numpy(), role)
    if _is(value, "nltk.tree", "Tree"):
        children = [
            ("", k, _Leaf("word", below) if isinstance(below, str) else below)
            for k, below in enumerate(value)
        ]
        return Part(clean(str(value.label() or "node")), children=children)
    if _is(value, "lxml.etree", "_Element"):
        return _own_leaves(xml_text.describe(value, role), xml_text.describe)
    if _is(value, "sqlglot.expressions", "Expression"):
        return _own_leaves(sql.describe(value, role), sql.describe)
    if _is(value, "sympy.core.basic", "Basic"):
        return sympy_text.describe_sympy(value, role)
    if _is(value, "networkx", "Graph"):
        raise DataError("a graph stands inside another object; give it by itself")
    return None


class _Leaf:
    """A node with nothing below it, which says itself what it is."""

    __slots__ = ("_part",)

    def __init__(self, kind: str, text: str):
        self._part = Part(kind, clean(text))

    @classmethod
    def of(cls, part: Part) -> _Leaf:
        leaf = cls.__new__(cls)
        leaf._part = part
        return leaf

    def part(self) -> Part:
        return self._part


def _own_leaves(part: Part | None, describe: values.Describe) -> Part | None:
    """Let a library's words be described by its own reader, not as JSON's strings."""
    if part is None:
        return None
    children = [
        (role, k, _Leaf.of(found))
        if isinstance(below, (str, enum.Enum)) and (found := describe(below, role))
        else (role, k, below)
        for role, k, below in part.children
    ]
    return part._replace(children=children)


def _is(value: Any, module: str, name: str) -> bool:
    """Return whether a value is of a library's type, without importing the library."""
    loaded = sys.modules.get(module)
    kind = getattr(loaded, name, None)
    return isinstance(kind, type) and isinstance(value, kind)


def _fields(value: Any, names: Iterable[str]) -> Part:
    pairs = [(name, getattr(value, name)) for name in names]
    return Part(type(value).__name__, children=members(pairs))


def _array(array: np.ndarray, role: str) -> Part:
    """Describe an array: numbers of one dimension are a vector."""
    if array.ndim == 0:
        part = describe(array.item(), role)
        if part is None:
            raise DataError(f"an array of {array.dtype} is no value of a document")
        return part
    numeric = array.dtype.kind in "fiub"
    if numeric and array.ndim == 1 and 0 < len(array) <= LONGEST_VECTOR:
        return Part("vector", vector=array.astype(np.float64).tolist())
    return Part("array", children=items(array, role))


def _ratio(value: fractions.Fraction) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
