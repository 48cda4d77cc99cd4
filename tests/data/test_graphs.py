"""Files of DAGs: what is read, and what is told of a bad one."""

import gzip
import json
from pathlib import Path

import pytest

from treefold.data import DataError
from treefold.data.graphs import load_graphs, parse_graph, read_graphs

NONE = {"train": None, "dev": None, "test": None}
GOOD = {"nodes": ["1", "0", "AND"], "children": [[], [], [0, 1]]}


def line(**changes) -> str:
    return json.dumps({**GOOD, **changes})


def test_labels_children_and_targets_are_read(tmp_path: Path):
    file = tmp_path / "graphs.jsonl.gz"
    text = line(targets=[None, 1, "0"]) + "\n\n" + line(target="low") + "\n"
    file.write_bytes(gzip.compress(text.encode()))
    one, two = read_graphs(file)
    assert one.nodes == ["1", "0", "AND"]
    assert one.children == [[], [], [0, 1]]
    assert one.targets == [None, "1", "0"]
    assert one.place == f"{file}:1"
    assert two.targets == "low"
    assert two.place == f"{file}:3"
    assert one.height == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{nodes", r"x:7:2: expected a JSON object such as .* found '\{nodes'"),
        ("[1]", r"x:7: expected a JSON object"),
        ('{"nodes": ["a"]}', r"x:7: expected the list 'children'"),
        (line(nodes=[], children=[]), r"x:7: expected at least one node"),
        (line(children=[[]]), r"for each of the 3 nodes, found 1"),
        (
            line(children=[[], [], [0, "1"]]),
            r"children of node 2 .* found \[0, \"1\"\]",
        ),
        (line(children=[[], [], 1]), r"children of node 2"),
        (line(children=[[], [], [0, 3]]), r"x:7: .*3"),
        (line(children=[[], [], [0, 10**30]]), r"x:7: .*more than 64 bits"),
        (line(children=[[2], [], [0, 1]]), r"x:7: a node is below itself"),
        (line(nodes=["1", None, "AND"]), r"x:7: node 1: expected a label.*null"),
        (line(targets=["1"]), r"label or null for each of the 3 nodes"),
        (line(targets=[True, None, None]), r"target of node 0: expected a label"),
        (line(target="1", targets=["1"] * 3), r"found both"),
    ],
)
def test_a_bad_line_is_told(text: str, message: str):
    with pytest.raises(DataError, match=message):
        parse_graph(text, "x:7")


def test_dev_and_test_are_held_out_of_a_single_file(tmp_path: Path):
    file = tmp_path / "graphs.jsonl"
    file.write_text((line(target="a") + "\n" + line(target="b") + "\n") * 10)
    data = load_graphs(str(file), NONE)
    assert {s: len(g) for s, g in data.splits.items()} == {
        "train": 16,
        "dev": 2,
        "test": 2,
    }
    assert "held out" in data.note
    places = [g.place for split in data.splits.values() for g in split]
    assert len(set(places)) == 20


def test_a_folder_has_a_file_for_each_split(tmp_path: Path):
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.jsonl").write_text(line(target=split) + "\n")
    data = load_graphs(str(tmp_path), NONE)
    assert [data.splits[s][0].targets for s in data.splits] == ["train", "dev", "test"]


def test_structures_of_two_kinds_or_without_targets_are_told(tmp_path: Path):
    file = tmp_path / "graphs.jsonl"
    file.write_text(line() + "\n")
    with pytest.raises(DataError, match=r"graphs.jsonl:1: expected 'targets'"):
        load_graphs(str(file), NONE)
    file.write_text(line(target="a") + "\n" + line(targets=["a"] * 3) + "\n")
    with pytest.raises(DataError, match=r"jsonl:2: expected targets of the same kind"):
        load_graphs(str(file), NONE)
    with pytest.raises(DataError, match="did you mean"):
        load_graphs(str(tmp_path / "graph.jsonl"), NONE)
    with pytest.raises(DataError, match="circuits has its own split"):
        load_graphs("circuits", {**NONE, "dev": "x"})
