"""Node-labelled ordered DAGs, and what is to be told of their nodes or of the whole."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, final

from treefold.data.errors import DataError
from treefold.data.places import did_you_mean, neighbours, split_file
from treefold.data.readers.json_text import loads
from treefold.data.readers.lines import STDIN, open_lines
from treefold.data.splits import held_out
from treefold.forest import Forest, ForestError

NAMED = ("circuits", "circuits-critical")
FIELDS = '{"nodes": [labels], "children": [[numbers]], "targets": [labels]}'


class Graph(NamedTuple):
    """One structure of V nodes.

    Attributes:
        nodes: the label of each.
        children: the numbers of each one's children, in order.
        targets: what is to be told of each node, None where it is not known; or, as a
            text, of the whole structure; or None.
        place: where it stands, for messages.
    """

    nodes: Sequence[str]
    children: Sequence[Sequence[int]]
    targets: Sequence[str | None] | str | None = None
    place: str = ""

    @property
    def height(self) -> int:
        """Edges from the highest node to the lowest."""
        return int(Forest(self.children).heights.max())


@final
@dataclass(frozen=True)
class GraphSet:
    """Structures to train, choose and measure on.

    Attributes:
        name: what reports call it.
        splits: the structures of train, dev and test, as far as there are any.
        note: what a report should say of it.
    """

    name: str
    splits: Mapping[str, Sequence[Graph]] = field(default_factory=dict)
    note: str = ""


def read_graphs(file: str | Path) -> Iterator[Graph]:
    """Go through a file of JSON lines, one structure each, or ``-``, standard input.

    A line is an object of ``nodes``, the labels; ``children``, for each node a list of
    the numbers of its children, from 0 and in order; and, where known, ``targets``, a
    label to tell for each node or null, or ``target``, one of the whole.

    Raises:
        DataError: with file and line: no JSON, a field that is missing or of another
            form, a child out of range, a cycle.
    """
    name = STDIN if str(file) == "-" else str(file)
    for number, line in open_lines(file):
        if line.strip():
            yield parse_graph(line, f"{name}:{number}")


def parse_graph(text: str, place: str) -> Graph:
    """Read one structure; see `read_graphs`."""
    try:
        found = loads(text)
    except json.JSONDecodeError as error:
        raise DataError(
            f"{place}:{error.colno}: expected a JSON object such as {FIELDS}, found "
            f"{text[:40]!r} ({error.msg})"
        ) from None
    if not isinstance(found, dict):
        raise DataError(f"{place}: expected a JSON object such as {FIELDS}")
    for name in ("nodes", "children"):
        if not isinstance(found.get(name), list):
            raise DataError(f"{place}: expected the list {name!r}, as in {FIELDS}")
    nodes, children = found["nodes"], found["children"]
    if not nodes:
        raise DataError(f"{place}: expected at least one node, found none")
    if len(children) != len(nodes):
        raise DataError(
            f"{place}: expected a list of children for each of the {len(nodes)} nodes, "
            f"found {len(children)}"
        )
    for v, below in enumerate(children):
        whole = isinstance(below, list) and all(type(c) is int for c in below)
        if not whole:
            raise DataError(
                f"{place}: expected the children of node {v} as a list of node "
                f"numbers, found {json.dumps(below)[:40]}"
            )
    labels = [_label(label, f"{place}: node {v}") for v, label in enumerate(nodes)]
    try:
        Forest(children)
    except ForestError as error:
        raise DataError(f"{place}: {error}") from None
    return Graph(labels, children, _targets(found, len(nodes), place), place)


def _targets(
    found: Mapping[str, Any], V: int, place: str
) -> list[str | None] | str | None:
    if "target" in found and "targets" in found:
        raise DataError(
            f"{place}: expected 'targets', of the nodes, or 'target', of the whole, "
            "found both"
        )
    if found.get("target") is not None:
        return _label(found["target"], f"{place}: target")
    targets = found.get("targets")
    if targets is None:
        return None
    if not isinstance(targets, list) or len(targets) != V:
        raise DataError(
            f"{place}: expected in 'targets' a label or null for each of the {V} "
            f"nodes, found {json.dumps(targets)[:40]}"
        )
    return [
        None if t is None else _label(t, f"{place}: target of node {v}")
        for v, t in enumerate(targets)
    ]


def _label(value: Any, place: str) -> str:
    """Read a label, a text or a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DataError(
            f"{place}: expected a label, a text or a number, found {json.dumps(value)}"
        )
    return str(value)


def load_graphs(
    data: str,
    files: Mapping[str, str | None],
    *,
    seed: int = 0,
) -> GraphSet:
    """Load structures by name, from a file, or from a folder.

    Args:
        data: a name in `NAMED`; a file of JSON lines, see `read_graphs`; or a folder
            with ``train.jsonl`` and perhaps ``dev.jsonl`` and ``test.jsonl``.
        files: of single splits, which replace those of `data`.
        seed: decides what is held out where dev or test is not given.

    Raises:
        DataError: there is no such data, or a file is bad.
    """
    given = {split: file for split, file in files.items() if file is not None}
    if data in NAMED:
        if given:
            raise DataError(
                f"{data} has its own split; {', '.join(given)} cannot be given with it"
            )
        from treefold.data.generators import circuits

        return circuits.load(data, seed=seed)
    path = Path(data)
    if set(given.values()) == {data}:  # a file that is to be measured, all of it
        pass
    elif path.is_dir():
        for split in ("train", "dev", "test"):
            found = _in_folder(path, split)
            if split not in given and found is not None:
                given[split] = str(found)
        if "train" not in given:
            raise DataError(f"{data}: expected train.jsonl in the folder")
    elif "train" not in given:
        if not path.exists():
            hint = did_you_mean(data, [*NAMED, *neighbours(path)])
            raise DataError(f"no data set and no file is called {data!r}{hint}")
        given = {"train": data, **given}
    splits = {split: _all_of(file) for split, file in given.items()}
    note = ""
    if train := splits.get("train"):
        shares, note = held_out(data, len(train), splits, seed, what="structures")
        splits |= {split: [train[k] for k in some] for split, some in shares.items()}
    return GraphSet(path.name.split(".")[0] or data, splits, note)


def _in_folder(folder: Path, split: str) -> Path | None:
    for ending in (".jsonl", ".jsonl.gz"):
        if (path := folder / f"{split}{ending}").is_file():
            return path
    return split_file(folder, split)


def _all_of(file: str) -> list[Graph]:
    graphs = list(read_graphs(file))
    if not graphs:
        raise DataError(f"{file}: expected a structure a line, {FIELDS}, found none")
    check_alike(graphs)
    return graphs


def check_alike(graphs: Iterable[Graph]) -> None:
    """Refuse structures without targets, and those of nodes mixed with those of wholes.

    Raises:
        DataError: with the place of the first.
    """
    first: Graph | None = None
    for graph in graphs:
        if graph.targets is None:
            raise DataError(
                f"{graph.place}: expected 'targets', or a 'target' of the whole, found "
                "neither"
            )
        first = first or graph
        if isinstance(graph.targets, str) != isinstance(first.targets, str):
            raise DataError(
                f"{graph.place}: expected targets of the same kind as in "
                f"{first.place}: of all nodes, or of the whole"
            )
