"""What is to be told of documents: taken out of them, understood, and held out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from treefold.data.documents import Content, Document, Goal
from treefold.data.errors import DataError
from treefold.data.places import did_you_mean

MOST_CLASSES = 20  # that whole numbers are taken for, where nobody says
FEWEST_EACH = 5  # examples of such a class, on average
HELD_OUT = 0.1  # of the documents go to dev, and as many to test, where not given
MOST_SHOWN = 20  # names of fields, in a message
LARGEST = 1e100  # of numbers to be told, whose squares are summed

Value = str | float | bool | None


# ------------------------------------------------------------------ out of documents


def take(document: Document, path: str) -> Value:
    """Remove a field from a document and return its value.

    Args:
        document: is changed.
        path: the field's role, or kind, below the root; dots lead further down, where
            no field has the whole name.

    Raises:
        DataError: there is no such field, or it is no single value.

    Example:
        >>> order = Document()
        >>> _ = order.add(order.add(-1, "object"), "string", role="state", text="paid")
        >>> take(order, "state"), len(order)
        ('paid', 1)
    """
    node = _find(document, path)
    value = _value(document, node, path)
    remove(document, [node])
    return value


def lift(document: Document, name: str) -> None:
    """Make a field of nodes the label of the nodes that have it, and remove it.

    Raises:
        DataError: no node has it, or it is no single value.
    """
    content = enumerate(document.content)
    found = [v for v, each in content if v and _name(each) == name]
    if not found:
        raise DataError(
            f"{_start(document)}no node has a field {name!r} to be its label"
        )
    for node in found:
        value = _value(document, node, name)
        document.label[document.parent[node]] = name_of(value)
    remove(document, found)


def remove(document: Document, nodes: Sequence[int]) -> None:
    """Remove nodes and all that is below them; the root stays."""
    gone, number = set(nodes) - {0}, dict[int, int]()
    for node, parent in enumerate(document.parent):
        if parent in gone:
            gone.add(node)
        elif node not in gone:
            number[node] = len(number)
    document.parent = [number.get(document.parent[node], -1) for node in number]
    document.content = [document.content[node] for node in number]
    document.label = [document.label[node] for node in number]


def _find(document: Document, path: str) -> int:
    """Return the node that a path leads to."""
    node, rest, gone = 0, path, ""
    while True:
        below = {
            _name(document.content[v]): v
            for v in range(len(document) - 1, node, -1)  # the first of a name stays
            if document.parent[v] == node
        }
        if rest in below:
            return below[rest]
        step, dot, further = rest.partition(".")
        if not dot or step not in below:
            raise DataError(_missing(document, node, rest if not dot else step, gone))
        node, rest, gone = below[step], further, f"{gone}{step}."


def _missing(document: Document, node: int, name: str, before: str) -> str:
    fields = fields_of(document, node)
    if fields:
        have = f"there are {fields}{did_you_mean(name, fields.split(', '))}"
        have += _records_inside(document, node, name)
    else:
        have = f"it is of kind {document.content[node].kind!r} with nothing inside"
    return f"{_start(document)}there is no field {before + name!r}; {have}"


def _records_inside(document: Document, node: int, name: str) -> str:
    """Say which array holds the records, where a file is one object around them."""
    for v in range(node + 1, len(document)):
        array = document.parent[document.parent[v]] if document.parent[v] else -1
        if _name(document.content[v]) == name and array > 0:
            content = document.content[array]
            if content.kind == "array" and document.parent[array] == node:
                return (
                    f". The items of {_name(content)!r} have it: if each of them is a "
                    "record, give a file of these alone"
                )
    return ""


def fields_of(document: Document, node: int = 0) -> str:
    """Return the names of the fields right below a node, as a list to be read."""
    below = [v for v in range(1, len(document)) if document.parent[v] == node]
    content = [document.content[v] for v in below]
    # A key that is not plain to be read, as a line's end, is shown as Python has it.
    shown = (n if n.isprintable() else repr(n) for n in map(_name, content))
    names = list(dict.fromkeys(shown))
    more = [f"and {len(names) - MOST_SHOWN} more"] * (len(names) > MOST_SHOWN)
    return ", ".join([*names[:MOST_SHOWN], *more])


def _name(content: Content) -> str:
    """Return what a node is called as a field: an attribute of XML without its @."""
    return content.role.removeprefix("@") or content.kind


def _value(document: Document, node: int, path: str) -> Value:
    content = document.content[node]
    if content.text is not None or content.number is not None:
        return value_of(content)
    if content.kind == "null":
        raise DataError(
            f"{_start(document)}the field {path!r} is null; what is to be learned must "
            "be known"
        )
    below = [v for v in range(node + 1, len(document)) if document.parent[v] == node]
    only = document.content[below[0]] if len(below) == 1 else None
    if only is not None and only.text is not None:  # <label>spam</label>
        return value_of(only)
    raise DataError(
        f"{_start(document)}the field {path!r} is of kind {content.kind!r}; a target "
        "is a text, a number, or true or false"
    )


def value_of(content: Content) -> Value:
    """Return what a content says, as a value."""
    return content.number if content.text is None else content.text


def _start(document: Document) -> str:
    return f"{document.place}: " if document.place else ""


# ------------------------------------------------------------------ understood


def goal_of(targets: Sequence[Any]) -> Goal:
    """Say what targets are to be learned as.

    Numbers are regressed. But whole numbers are classes where there are at most 20 of
    them, and five documents for each on average. All else is classes.

    Example:
        >>> goal_of(["paid", "open"]), goal_of([1.5, 2.5]), goal_of([0, 1] * 5)
        ('classify', 'regress', 'classify')
    """
    if any(not is_number(target) for target in targets):
        return "classify"
    distinct = {float(target) for target in targets}
    whole = all(value.is_integer() for value in distinct)
    most = min(MOST_CLASSES, len(targets) // FEWEST_EACH)
    return "classify" if whole and len(distinct) <= max(most, 2) else "regress"


def is_number(target: Any) -> bool:
    """Whether a target is a number; true and false are none."""
    return isinstance(target, (int, float)) and not isinstance(target, bool)


def name_of(target: Any) -> str:
    """Return a target as the name of a class: ``1`` for 1.0, ``true`` for True.

    >>> name_of(1.0), name_of(2.5), name_of(True), name_of("paid")
    ('1', '2.5', 'true', 'paid')
    """
    if isinstance(target, bool):
        return str(target).lower()
    if isinstance(target, float) and target.is_integer():
        return str(int(target))
    return str(target)


def number_of(target: Any, place: str) -> float:
    """Return a target as a number.

    Raises:
        DataError: it is none, or not finite.
    """
    try:
        value = float(target)
    except OverflowError:
        value = float("inf")
    except (TypeError, ValueError):
        raise DataError(
            f"{place}: expected a number to be told, found {str(target)[:40]!r}; say "
            "--goal classify if these are classes"
        ) from None
    if not np.isfinite(value):
        raise DataError(
            f"{place}: the number to be told is {value}, which no model can meet"
        )
    if abs(value) > LARGEST:
        raise DataError(
            f"{place}: the number to be told is {value:g}, beyond {LARGEST:g}; give "
            "its logarithm"
        )
    return value


# ------------------------------------------------------------------ held out


def hold_out(
    targets: Sequence[Any],
    groups: Sequence[Any] | None,
    parts: int,
    seed: int,
) -> list[NDArray[np.int64]]:
    """Share documents out: a tenth to each of some parts, and the rest.

    Targets are spread evenly: every part has its share of each class, or of small and
    large numbers. The only example of a class stays in the rest.

    Args:
        targets: of the documents: names of classes, numbers, or None each.
        groups: documents of one group stay together; None: each is its own.
        parts: how many to hold out.
        seed: decides which.

    Returns:
        The rest, then the numbers of each part's documents, in order.

    Raises:
        DataError: there are too few documents, or groups.
    """
    number = {group: k for k, group in enumerate(dict.fromkeys(groups or []))}
    unit = np.array([number[g] for g in groups] if groups else range(len(targets)))
    first = np.unique(unit, return_index=True)[1]
    size, wanted = len(first), max(1, round(HELD_OUT * len(first))) * parts
    if size <= wanted:
        raise DataError(
            f"{size} {'groups' if groups else 'documents'} are too few to hold some "
            "out; give files of their own with --dev and --test"
        )
    order = np.random.default_rng(seed).permutation(size)
    shown = np.array([targets[k] for k in first])[order]
    if shown.dtype.kind in "Uf":
        by_target = np.argsort(shown, kind="stable")
        order, shown = order[by_target], shown[by_target]
    if shown.dtype.kind == "U":
        again = np.append(False, shown[1:] == shown[:-1])
        order = order[again] if again.sum() >= wanted else order
    at = ((np.arange(wanted) + 0.5) * len(order) / wanted).astype(int)
    rest = np.setdiff1d(np.arange(size), order[at])
    shares = [rest, *(order[at[k::parts]] for k in range(parts))]
    return [np.flatnonzero(np.isin(unit, share)) for share in shares]
