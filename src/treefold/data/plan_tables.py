"""Plans of TPC-H queries with the times of their operators, and the sets made of them.

The table has a row for each operator of 2,850 plans that PostgreSQL made and ran: 19
templates of queries, each with 150 drawings of its constants. The plans of a template
have one shape and nearly one run time; what is hard is a template that was never met.
So a set leaves one out: ``tpch-plans-Q3`` is measured on template Q3, chosen by
the last fifth of the others' plans, and learned from the rest.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from treefold.data.documents import Document, Documents, DocumentSet
from treefold.data.errors import DataError
from treefold.data.places import folders
from treefold.data.readers.plans import Plan, estimates

NAME = "query_plans_tpch"
FILE = "operator_dataset_all19templates.csv.gz"
# Without sub-plans; the literature leaves the others out.
PLAIN = tuple(f"Q{k}" for k in (1, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 18, 19))
ESTIMATED = ("startup_cost", "total_cost", "nt", "plan_width", "parallel_workers")
COLUMNS = ("query_file", "node_type", "depth", "parent_relationship", *ESTIMATED)
COLUMNS += ("actual_total_time",)
DEV = 5  # one in so many plans of each template


def load_plans() -> dict[str, list[Plan]]:
    """Load the plans of each template, in the order of the table.

    A document is named by its query, and its target is the logarithm of its run time
    in milliseconds. Its nodes are as `treefold.data.readers.plans.read` makes them.

    Raises:
        DataError: the table is not on this machine, or damaged.
    """
    looked = folders(NAME)
    for folder in looked:
        if (path := folder / FILE).is_file():
            break
    else:
        raise DataError(
            f"{FILE} of the data set {NAME} is not on this machine; looked in "
            f"{' and '.join(map(str, looked))}. Let TREEFOLD_DATA name the folder that "
            f"has `{NAME}` in it."
        )
    found: dict[str, list[Plan]] = {}
    for plan in read_table(path):
        found.setdefault(plan.document.place.split("_")[0], []).append(plan)
    return found


def read_table(path: str | Path) -> Iterator[Plan]:
    """Read a table of operators, a row each, parents before their children.

    Args:
        path: the file, which may be gzipped; its columns are separated by semicolons.

    Yields:
        Plans whose target is the logarithm of the run time in milliseconds.

    Raises:
        DataError: a column is missing, or a row is wrong; the message has its line.
    """
    try:
        content = Path(path).read_bytes()
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        rows = csv.DictReader(io.StringIO(content.decode()), delimiter=";")
        missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
        if missing:
            raise DataError(f"{path}:1: there is no column {missing[0]!r}")
        yield from _plans(enumerate(rows, 2), path)
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read: {error}") from None


def _plans(
    rows: Iterable[tuple[int, dict[str, str]]], path: str | Path
) -> Iterator[Plan]:
    plan: Plan | None = None
    above: list[int] = []  # the last operator at each depth
    for line, row in rows:
        try:
            depth = int(row["depth"])
            given = estimates(*(float(row[name]) for name in ESTIMATED))
            time = float(row["actual_total_time"])
        except (TypeError, ValueError) as error:
            raise DataError(f"{path}:{line}: expected a number: {error}") from None
        if depth == 0:
            if plan is not None:
                yield plan
            if not time > 0:
                raise DataError(
                    f"{path}:{line}: a plan took {time} ms, not more than 0"
                )
            plan = Plan(Document(row["query_file"], math.log(time)), [])
            above = []
        if plan is None or not 0 <= depth <= len(above):
            raise DataError(
                f"{path}:{line}: an operator of depth {depth} must follow one of depth "
                f"{depth - 1} or more; a plan begins at depth 0, parents come first"
            )
        if row["query_file"] != plan.document.place:
            raise DataError(
                f"{path}:{line}: {row['query_file']} begins below its root, in the "
                f"plan of {plan.document.place}"
            )
        node = plan.document.add(
            above[depth - 1] if depth else -1,
            row["node_type"],
            role=row["parent_relationship"],
            vector=given,
        )
        plan.times.append(time)
        above[depth:] = [node]
    if plan is not None:
        yield plan


def held_out(
    plans: dict[str, list[Plan]], out: str
) -> tuple[list[Plan], list[Plan], list[Plan]]:
    """Return plans to learn from, to choose by, and those of the template left out.

    Raises:
        DataError: there is no such template.
    """
    if out not in plans:
        raise DataError(
            f"there is no template {out!r}; the templates are {', '.join(plans)}"
        )
    known = [each for name, each in plans.items() if name != out]
    cut = [len(each) - len(each) // DEV for each in known]
    train = [p for each, end in zip(known, cut, strict=True) for p in each[:end]]
    dev = [p for each, end in zip(known, cut, strict=True) for p in each[end:]]
    return train, dev, plans[out]


def load(out: str) -> DocumentSet:
    """Load the set that leaves a template out."""
    parts = held_out(load_plans(), out)
    train, dev, test = (Documents.of(plan.document for plan in part) for part in parts)
    return DocumentSet(
        f"tpch-plans-{out}",
        train,
        dev,
        test,
        goal="regress",
        note="Plans of TPC-H queries: the logarithm of the run time in milliseconds. "
        f"Measured on the template {out}, of which no plan is learned from. Dev is of "
        "the other templates, which is an easier question.",
    )


def pack(plans: Sequence[Plan]) -> tuple[Documents, np.ndarray]:
    """Pack plans, and their operators' times (V,) in the order of the corpus."""
    documents = Documents.of(plan.document for plan in plans)
    first = np.repeat(
        documents.corpus.tree_offset[:-1], np.diff(documents.corpus.tree_offset)
    )
    times = np.concatenate([np.asarray(plan.times, np.float64) for plan in plans])
    return documents, times[first + documents.node]
