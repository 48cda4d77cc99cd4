"""Mathematical expressions, one a line: ``sin(x)**2 + cos(x)**2 <= 1``.

Python's `ast` parses them and nothing evaluates them: sympy's own parser would run what
it reads. What may stand in an expression is numbers, names, ``+ - * / // % **``, ``^``
as the power that it is in mathematics, calls of functions, comparisons, ``and``,
``or``, ``not`` and their signs ``& | ~``.

| in the text | node |
|---|---|
| ``a + b``, ``a - b``, ``-a`` | ``Add``, ``Sub``, ``Neg`` |
| ``a * b``, ``a / b``, ``a ** b`` | ``Mul``, ``Div``, ``Pow`` |
| ``sin(x)`` | kind ``sin``; ``Function`` with text where the function is not known |
| ``x`` | ``Symbol`` with text |
| ``2``, ``0.5`` | ``Number`` with number |
| ``a < b``, ``a == b`` | ``Lt``, ``Eq``; ``a < b < c`` is their ``And`` |

Operands are numbered where they may not change places. An expression of sympy is
described alike, with its own kinds (``a - b`` is ``Add`` of ``a`` and ``Mul(-1, b)``).
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers.encodings import text_of
from treefold.data.readers.values import Part, add_value, as_float, clean

LONGEST = 1_000_000  # characters of an expression, which Python parses at once
OPERATORS = {
    ast.Add: "Add", ast.Sub: "Sub", ast.Mult: "Mul", ast.Div: "Div", ast.Pow: "Pow",
    ast.FloorDiv: "FloorDiv", ast.Mod: "Mod", ast.BitAnd: "And", ast.BitOr: "Or",
    ast.And: "And", ast.Or: "Or", ast.USub: "Neg", ast.Not: "Not", ast.Invert: "Not",
    ast.Lt: "Lt", ast.LtE: "LtE", ast.Gt: "Gt", ast.GtE: "GtE", ast.Eq: "Eq",
    ast.NotEq: "NotEq",
}  # fmt: skip
COMMUTATIVE = {"Add", "Mul", "And", "Or", "Eq", "NotEq", "Max", "Min", "max", "min"}
SYMPY_KINDS = {
    "StrictLessThan": "Lt", "LessThan": "LtE", "Equality": "Eq",
    "StrictGreaterThan": "Gt", "GreaterThan": "GtE", "Unequality": "NotEq",
}  # fmt: skip
FUNCTIONS = {
    "abs", "Abs", "sign", "sqrt", "cbrt", "root", "exp", "log", "ln", "log2",
    "log10", "sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan",
    "acot", "asec", "acsc", "atan2", "sinh", "cosh", "tanh", "coth", "asinh",
    "acosh", "atanh", "floor", "ceil", "ceiling", "factorial", "binomial", "gamma",
    "beta", "erf", "zeta", "re", "im", "arg", "conjugate", "Max", "Min", "max",
    "min", "Mod", "Derivative", "Integral", "Sum", "Product", "Limit", "diff",
    "integrate", "limit", "Piecewise", "Heaviside", "DiracDelta",
}  # fmt: skip


def read(
    content: bytes, place: str, *, ordered: bool | None = None
) -> Iterator[Document | DataError]:
    """Read the expressions of a file, but for blank lines and those after ``#``.

    Args:
        content: the file, in UTF-8.
        place: its name, for messages.
        ordered: None numbers operands that may not change places; True all; False none.

    Yields:
        A document a line, and a `DataError` in place of a bad one.
    """
    try:
        lines = text_of(content, place).split("\n")
    except DataError as error:
        yield error
        return
    some = False
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        some, where = True, f"{place}:{number}"
        document = Document(where)
        try:
            root = _parse(line, where)
            add_value(document, -1, root, ordered=ordered, describe=describe)
        except DataError as error:
            yield error
        else:
            yield document
    if not some:
        yield DataError(f"{place}:1:1: expected an expression, found none")


def describe(value: Any, role: str) -> Part | None:
    """Say what node a part of Python's syntax is, where it is one of mathematics."""
    while isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.UAdd):
        value = value.operand
    match value:
        case ast.Constant(value=bool(truth)):
            return Part("boolean", "true" if truth else "false", float(truth))
        case ast.Constant(value=int(number) | float(number)):
            return Part("Number", number=as_float(number))
        case ast.Constant(value=complex(imag=number)):
            return Part(
                "Mul", children=_operands("Mul", [ast.Constant(number), ast.Name("I")])
            )
        case ast.Name(id=name):
            return Part("Symbol", clean(name))
        case ast.UnaryOp(op=op, operand=operand):
            return Part(OPERATORS[type(op)], children=_operands("Neg", [operand]))
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            kind = OPERATORS[type(op)]
            return Part(kind, children=_operands(kind, [left, right]))
        case ast.BoolOp(op=op, values=values):
            kind = OPERATORS[type(op)]
            return Part(kind, children=_operands(kind, values))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            if type(op) in OPERATORS:
                kind = OPERATORS[type(op)]
                return Part(kind, children=_operands(kind, [left, right]))
        case ast.Compare(left=left, ops=ops, comparators=right):
            sides = [left, *right]
            pairs = [
                ast.Compare(sides[k], [op], [sides[k + 1]]) for k, op in enumerate(ops)
            ]
            return Part("And", children=_operands("And", pairs))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            known = name in FUNCTIONS
            kind = name if known else "Function"
            text = None if known else clean(name)
            return Part(kind, text, children=_operands(kind, args))
        case ast.Tuple(elts=values):
            return Part("Tuple", children=_operands("Tuple", values))
    return None


def describe_sympy(value: Any, role: str) -> Part | None:
    """Say what node an expression of sympy is."""
    kind = type(value).__name__
    if getattr(value, "is_Symbol", False):
        return Part("Symbol", clean(value.name))
    if not value.args:  # and only then ask: is_number looks at all that is below
        if getattr(value, "is_number", False):
            return _sympy_number(value, kind)
        return Part(kind, clean(str(value)[:LONGEST]))
    if getattr(value, "is_Function", False) and kind not in FUNCTIONS:
        return Part("Function", kind, children=_operands("", value.args))
    kind = SYMPY_KINDS.get(kind, kind)
    return Part(kind, children=_operands(kind, value.args))


def _sympy_number(value: Any, kind: str) -> Part:
    name = str(value) if getattr(value, "is_NumberSymbol", False) else None
    if kind == "ImaginaryUnit":
        return Part("Symbol", "I")
    if kind == "ComplexInfinity":
        return Part("Symbol", "zoo")
    try:
        return Part("Symbol" if name else "Number", name, float(value))
    except OverflowError:
        return Part("Number", number=math.inf if value > 0 else -math.inf)


def _operands(kind: str, values: Sequence[Any]) -> list[tuple[str, int, Any]]:
    if kind in COMMUTATIVE or len(values) == 1:
        return [("", -1, value) for value in values]
    return [("", place, value) for place, value in enumerate(values)]


def _parse(line: str, where: str) -> ast.expr:
    """Parse one expression.

    Raises:
        DataError: it is none.
    """
    if len(line) > LONGEST:
        raise DataError(
            f"{where}: an expression of {len(line):,} characters is more than the "
            f"{LONGEST:,} that are read"
        )
    text = line.strip()
    indent = len(line) - len(line.lstrip())
    powers = [at for at, sign in enumerate(text) if sign == "^"]
    source = text.replace("^", "**")

    def column(at: int) -> int:
        # Each power before has made the text longer by one.
        at -= sum(power + number < at for number, power in enumerate(powers))
        return indent + max(at, 0) + 1

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of numbers written into words: 1if
            root = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        reason = error.msg.split(". Perhaps")[0]
        raise DataError(
            f"{where}:{column((error.offset or 1) - 1)}: expected an expression "
            f"such as 2*x + sin(y), found what is none ({reason})"
        ) from None
    except ValueError as error:
        raise DataError(f"{where}: expected an expression ({error})") from None
    except (RecursionError, MemoryError):
        raise DataError(
            f"{where}: the expression is nested too deep for Python's parser, which "
            "reads some 200 brackets and 1,000 operators one in another"
        ) from None
    for part in ast.walk(root):
        if isinstance(part, ast.expr) and describe(part, "") is None:
            before = source.encode()[: part.col_offset].decode()
            raise DataError(
                f"{where}:{column(len(before))}: {type(part).__name__} is no part of a "
                "mathematical expression, which has numbers, names, operators and calls"
            )
    return root
