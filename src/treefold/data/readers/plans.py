"""PostgreSQL's plans of queries, as ``EXPLAIN (FORMAT JSON)`` writes them.

=====================================================  ================================
an operator                                            a node; its ``Node Type`` is the
                                                       kind, its ``Parent Relationship``
                                                       the role
costs at the start and in all, rows, width, workers    its vector, log(1 + x) each
relation, index, join type, conditions, all other      its children, as in JSON
what stands beside ``Plan`` in the record              children of the root
``Execution Time``, else the root's                    the target, in milliseconds
``Actual Total Time``
=====================================================  ================================

What is known only when a query has run is left out, however it was asked for (ANALYZE,
BUFFERS, WAL): it could tell the run time, and is not there when it matters.

A file holds one plan or many: what EXPLAIN prints, several of these, records that have
a ``Plan`` among other fields (``{"template": "q3", "Plan": {...}}``), or a record on
each line.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from treefold.data.documents import Document
from treefold.data.errors import DataError
from treefold.data.readers import json_records, values
from treefold.data.readers.json_records import Record

# Of each operator; a plan without costs (COSTS OFF) has none of them.
ESTIMATES = (
    "Startup Cost",
    "Total Cost",
    "Plan Rows",
    "Plan Width",
    "Workers Planned",
)
# What begins or ends so is known only after the query has run.
MEASURED = ("Actual ", "Rows Removed by ", "Hash Buckets", "Hash Batches", "Original ")
MEASURED += ("HashAgg ", "Sort Space ", "WAL ", "I/O ", "Tuples ")
MEASURED += ("Full-sort ", "Pre-sorted Groups", "Execution Time", "Planning")
MEASURED_ENDS = (" Blocks", " Read Time", " Write Time", " Usage", " Fetches")
MEASURED_NAMES = {
    "Sort Method",
    "Cache Hits",
    "Cache Misses",
    "Cache Evictions",
    "Cache Overflows",
    "Workers",
    "Workers Launched",
    "Subplans Removed",
    "Conflicting Tuples",
    "Triggers",
    "JIT",
    "Serialization",
    "Storage",
    "Maximum Storage",
    "Index Searches",
}
OWN = {"Node Type", "Parent Relationship", "Plans", *ESTIMATES}
TIME, WHOLE_TIME = "Actual Total Time", "Execution Time"
SHOWN = 5  # keys, in a message
EXPECTED = (
    "expected a plan, an object with 'Plan' or 'Node Type' as EXPLAIN (FORMAT JSON) "
    "writes it"
)


class Plan(NamedTuple):
    """A plan, and what its execution took.

    Attributes:
        document: its operators and their attributes; see the module.
        times: of each of its nodes, milliseconds; NaN where that is not known, as for
            attributes.
    """

    document: Document
    times: list[float]


class _Operator(NamedTuple):
    """A node of a plan on its way into a document."""

    node: dict[str, Any]
    beside: dict[str, Any]


def read(
    content: bytes,
    place: str,
    *,
    ordered: bool | None = None,
    many: bool = True,
    lines: bool = False,
    executed: bool = False,
) -> Iterator[Document | DataError]:
    r"""Read plans as documents.

    Args:
        content: of a file.
        place: its name, for messages.
        ordered: None and False: operators below an operator have no numbers, as their
            role tells which is the outer and which the inner one; True: they have.
        many: whether an array holds plans; see `json_records.read`.
        lines: every line is a plan, and a bad one does not end the reading.
        executed: keep what is known only when the query has run.

    Yields:
        A document for each plan, or what is wrong with it.

    Example:
        >>> text = b'[{"Plan": {"Node Type": "Limit", "Total Cost": 3.5, "Plans": ['
        >>> text += b'{"Node Type": "Seq Scan", "Relation Name": "tree"}]}}]'
        >>> print(next(read(text, "plan.json")))
        Limit
          Seq Scan
            Relation Name: "tree"
    """
    for found in read_plans(
        content, place, ordered=ordered, many=many, lines=lines, executed=executed
    ):
        yield found.document if isinstance(found, Plan) else found


def read_plans(
    content: bytes,
    place: str,
    *,
    ordered: bool | None = None,
    many: bool = True,
    lines: bool = False,
    executed: bool = False,
) -> Iterator[Plan | DataError]:
    """Read plans with the times of their operators; see `read`."""
    empty = True
    for record in json_records.records(content, place, many=many, lines=lines):
        empty = False
        if isinstance(record, DataError):
            yield record
            continue
        given = record.value if isinstance(record.value, list) else [record.value]
        for value in given:
            try:
                yield _plan(Record(record.place, value), ordered, executed)
            except DataError as error:
                yield error
    if empty:
        yield DataError(f"{place}: {EXPECTED}, found nothing")


def _plan(record: Record, ordered: bool | None, executed: bool) -> Plan:
    value, beside = record.value, dict[str, Any]()
    if isinstance(value, dict) and "Plan" in value:
        beside = {key: each for key, each in value.items() if key != "Plan"}
        value = value["Plan"]
    if not isinstance(value, dict) or "Node Type" not in value:
        raise DataError(f"{record.place}: {EXPECTED}, found {_shown(value)}")
    times = list[float]()
    document = Document(record.place)

    def describe(value: Any, role: str) -> values.Part | None:
        if not isinstance(value, _Operator):
            times.append(math.nan)
            return values.describe(value, role)
        node = value.node
        times.append(_number(node, TIME))
        kept = [
            (key, -1, each)
            for key, each in sorted({**value.beside, **node}.items())
            if key not in OWN and (executed or not is_measured(key))
        ]
        return values.Part(
            _kind(node), vector=_estimates(node), children=kept + _below(node)
        )

    root = _Operator(value, beside)
    values.add_value(document, -1, root, ordered=ordered, describe=describe)
    whole = _number(beside, WHOLE_TIME)
    whole = times[0] if math.isnan(whole) else whole
    document.target = None if math.isnan(whole) else whole
    return Plan(document, times)


def is_measured(key: str) -> bool:
    """Whether an attribute is known only when the query has run.

    >>> is_measured("Actual Rows"), is_measured("Plan Rows")
    (True, False)
    """
    if key in MEASURED_NAMES or key.startswith(MEASURED):
        return True
    return key.endswith(MEASURED_ENDS)


def estimates(*given: float) -> list[float]:
    """Return log(1 + x) of each of `ESTIMATES`, with the sign of x."""
    # One object for what is missing: contents are compared, and NaN is not NaN.
    logs = (math.copysign(math.log1p(abs(x)), x) for x in given)
    return [math.nan if math.isnan(x) else x for x in logs]


def _kind(node: dict[str, Any]) -> str:
    kind = node.get("Node Type")
    if not isinstance(kind, str) or not kind:
        raise DataError(
            f"expected an operator with its 'Node Type', found {_shown(node)}"
        )
    return values.clean(kind)


def _estimates(node: dict[str, Any]) -> list[float]:
    found = [_number(node, name) for name in ESTIMATES]
    if math.isnan(found[-1]) and not math.isnan(found[1]):
        found[-1] = 0.0  # it is written where there are any
    return estimates(*found)


def _number(node: dict[str, Any], name: str) -> float:
    """Return an attribute that is a number, NaN where it is missing."""
    value = node.get(name)
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise DataError(f"{name!r} must be a number, found {_shown(value)}")
    return values.as_float(value)


def _below(node: dict[str, Any]) -> list[tuple[str, int, Any]]:
    """Return the operators below one as children."""
    plans = node.get("Plans", [])
    if not isinstance(plans, list):
        raise DataError(f"'Plans' must be an array of operators, found {_shown(plans)}")
    found = list[tuple[str, int, Any]]()
    for each in plans:
        if not isinstance(each, dict):
            raise DataError(f"'Plans' must hold operators, found {_shown(each)}")
        role = each.get("Parent Relationship", "")
        found.append((values.clean(str(role)), -1, _Operator(each, {})))
    return found


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        keys = ", ".join(repr(values.clean(key)) for key in list(value)[:SHOWN])
        return f"an object with {keys}" if keys else "an object with nothing in it"
    if isinstance(value, list):
        return f"an array of {len(value):,}"
    return values.clean(repr(value))[:40]
