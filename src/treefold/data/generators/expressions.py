"""Expressions of Python source code as trees of tokens, each of two children at most.

A token is the kind of a syntax node and, after colons, what it says:
``BinOp:Sub``, ``Name:self``, ``Constant:int:0``, ``Constant:str``. Children stand in
the order of the source. Where there are more than two, the second holds all but the
first: ``f(a, b)`` is ``(Call f (, a b))``.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

# An operand is its nodes in pre-order, each with its number of children.
Nodes = tuple[tuple[str, int], ...]

REST = ","
# Their kind already says all that these nodes could.
_SILENT = (ast.expr_context, ast.operator, ast.unaryop, ast.boolop, ast.cmpop)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
# Beyond this, a number's digits are of no use, and beyond 4,300 cannot be printed.
_MOST_BITS = 32


def kind(node: ast.AST) -> str:
    """Return the type of a syntax node, with its operator if it has one."""
    name = type(node).__name__
    match node:
        case ast.BinOp(op=op) | ast.UnaryOp(op=op) | ast.BoolOp(op=op):
            return f"{name}:{type(op).__name__}"
        case ast.Compare(ops=ops):
            return f"{name}:{','.join(type(op).__name__ for op in ops)}"
        case ast.Slice():
            # Without its empty places x[:n] could not be told from x[n:].
            given = [part or "" for part in (node.lower and "a", node.upper and "b")]
            return f"{name}:{':'.join(given)}"
    return name


def text(node: ast.AST) -> str | None:
    """Return what a node says beside its kind: a name or a constant, else None."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.arg(arg=name) | ast.keyword(arg=name):
            return name
        case ast.Constant(value=None | bool() as value):
            return repr(value)
        case ast.Constant(value=int() as value) if value.bit_length() <= _MOST_BITS:
            return f"int:{value}"
        case ast.Constant(value=float() as value):
            return f"float:{value!r}"
        case ast.Constant(value=value):
            return type(value).__name__
    return None


def whole(node: ast.AST) -> str:
    """Return a node's full token, of its kind and of what it says."""
    says = text(node)
    return kind(node) if says is None else f"{kind(node)}:{says}"


def children(node: ast.AST) -> list[ast.AST]:
    """Return what stands below a node, in the order of the source."""
    match node:
        case ast.IfExp():
            return [node.body, node.test, node.orelse]
        case ast.Dict():
            pairs = zip(node.keys, node.values, strict=True)
            return [part for pair in pairs for part in pair if part is not None]
    below = ast.iter_child_nodes(node)
    return [child for child in below if not isinstance(child, _SILENT)]


def words(name: str) -> list[str]:
    """Split an identifier: ``readLine_2`` is ``read``, ``line`` and ``2``."""
    return [f"word:{w.lower()}" for w in _WORDS.findall(name)] or [f"word:{name}"]


def walk(module: ast.AST) -> Iterator[tuple[ast.AST, bool]]:
    """Visit all nodes in pre-order, and tell which are asked about or below such."""
    stack = [(module, False)]
    while stack:
        node, inside = stack.pop()
        inside = inside or is_asked(node)
        yield node, inside
        stack.extend((child, inside) for child in reversed(children(node)))


def is_asked(node: ast.AST) -> bool:
    """Tell whether a node has one operator, and two operands whose order matters.

    ``+ * & | ^`` are left out: on numbers and sets they commute, so that neither order
    is wrong. Comparisons are in, for there custom says what stands on the left.
    """
    match node:
        case ast.BinOp(op=op):
            commute = (ast.Add, ast.Mult, ast.BitAnd, ast.BitOr, ast.BitXor)
            return not isinstance(op, commute)
        case ast.Compare(ops=[_]):
            return True
    return False


def flatten(root: ast.AST, known: Collection[str], most: int) -> Nodes | None:
    """Write an expression as nodes in pre-order; None if there are more than `most`.

    Args:
        root: the expression.
        known: full tokens that stand as they are. Any other identifier is spelled out:
            its words are leaves below the bare kind. Any other number is just its type.
        most: the most nodes.
    """
    nodes: list[tuple[str, int]] = []
    stack: list[ast.AST | str | list] = [root]
    while stack:
        if len(nodes) == most:
            return None
        match stack.pop():
            case str(token):
                below = []
            case list(below):
                token = REST
            case node:
                token, below = _spelled(node, known)
        if len(below) > 2:
            below = [below[0], below[1:]]
        nodes.append((token, len(below)))
        stack.extend(reversed(below))
    return tuple(nodes)


def _spelled(
    node: ast.AST, known: Collection[str]
) -> tuple[str, list[ast.AST | str | list]]:
    """Return the token of a node and what stands below it."""
    token, says = whole(node), text(node)
    below: list[ast.AST | str | list] = [*children(node)]
    if says is None or token in known:
        return token, below
    if isinstance(node, ast.Constant):
        return f"{kind(node)}:{says.partition(':')[0]}", below
    if isinstance(node, ast.Attribute):
        return kind(node), [*below, *words(says)]  # a.b: the name comes last
    return kind(node), [*words(says), *below]


def first_operand(nodes: Nodes) -> int:
    """Return where the second operand of a root's two begins."""
    missing, end = 1, 1
    while missing:
        missing += nodes[end][1] - 1
        end += 1
    return end
