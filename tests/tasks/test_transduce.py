"""Transduction: targets of nodes and of wholes, rivals, and bad structures."""

import json
from random import Random

import numpy as np
import pytest

from treefold.cli import main
from treefold.data import DataError
from treefold.data.generators.circuits import circuit, values_of
from treefold.data.graphs import Graph, GraphSet
from treefold.tasks.transduce import TransduceConfig, TransduceTask
from treefold.tasks.transduce_data import CodedGraphs
from treefold.tasks.transduce_findings import heights, unfolded
from treefold.tasks.transduce_rivals import boosted, majority

LABELS, CLASSES = ["0", "1", "AND"], ["0", "1"]
GATE = Graph(["1", "0", "AND"], [[], [], [0, 1]], [None, None, "0"], "x:1")
SHARED = Graph(["1", "AND", "AND"], [[], [0, 0], [1, 1]], [None, "1", "1"], "x:2")


def coded(*graphs: Graph, whole: bool = False) -> CodedGraphs:
    return CodedGraphs.of(graphs, LABELS, CLASSES, whole, 2)


def task_of(*graphs: Graph) -> TransduceTask:
    assets = {"labels": LABELS, "classes": CLASSES, "whole": False}
    data = GraphSet("x", {split: graphs for split in ("train", "dev", "test")})
    return TransduceTask(TransduceConfig(), {**assets, "arity": 2, "height": 1}, data)


def test_batches_hold_the_structures_asked_for():
    batch = coded(GATE, SHARED, GATE).batch(np.array([2, 1]))
    assert batch.forest.num_trees == 2
    assert batch.forest.child.tolist() == [0, 1, 3, 3, 4, 4]
    assert batch.label.tolist() == [1, 0, 2, 1, 2, 2]
    assert batch.target.tolist() == [-1, -1, 0, -1, 1, 1]


def test_single_nodes_with_a_target_of_the_whole_are_no_nodes_with_targets():
    lone = Graph(["1"], [[]], "1")
    batch = coded(lone, lone, whole=True).batch(np.array([1]))
    assert batch.target.tolist() == [1]


def test_a_tree_has_a_copy_for_every_path():
    assert unfolded(coded(GATE)) == 3
    assert unfolded(coded(GATE, SHARED)) == 3 + 7


def test_rivals_see_labels_and_neighbours():
    task = task_of(*[GATE, SHARED] * 30)
    share = majority(task)["test"]
    assert share.shape == (6 * 30, 2)
    assert share[2].argmax() == 1  # two of three AND are 1
    said = boosted(task)["test"]
    known = task.coded("test").target >= 0
    assert (said.argmax(axis=1) == task.coded("test").target)[known].all()


def test_figures_tell_nodes_wholes_and_what_is_higher_than_training():
    task = task_of(GATE, SHARED)
    target = task.coded("test").target
    p = np.eye(2)[np.maximum(target, 0)]
    assert task.compare("test", p)["accuracy"] == 1
    p[4] = [1, 0]  # a gate of the higher structure wrong
    found = task.compare("test", p)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["whole"] == 0.5
    assert found["higher"] == 0.5
    rows = heights(task, p.argmax(axis=1))
    assert [(r["height"], r["accuracy"], r["whole"]) for r in rows] == [
        (1, 1.0, 1.0),
        (2, 0.5, 0.0),
    ]


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (GATE._replace(nodes=["1", "0", "OR"]), r"x:1: node 2 has the label 'OR'"),
        (GATE._replace(children=[[], [], [0, 1, 0]]), r"node 2 has 3 children.*most 2"),
        (GATE._replace(targets="1"), r"x:1: expected targets of nodes"),
    ],
)
def test_what_a_model_cannot_read_is_told(graph: Graph, message: str):
    with pytest.raises(DataError, match=message):
        coded(graph)


def test_structures_of_standard_input_are_answered_one_by_one():
    task, drawn = task_of(GATE, SHARED), []

    def typed():
        for number in (1, 2):
            drawn.append(number)
            yield GATE._replace(place=f"<stdin>:{number}")

    said = task.predict(task.new_model(), typed())
    assert len(next(said)["targets"]) == 3
    assert drawn == [1]


def test_one_label_for_the_whole_is_learned_and_told(tmp_path, capsys):
    lines = []
    for seed in range(40):
        nodes, children = circuit(Random(seed), 1)
        high = "1" in values_of(nodes, children)
        target = "some" if high else "none"
        lines.append(
            json.dumps({"nodes": nodes, "children": children, "target": target})
        )
    file = tmp_path / "wholes.jsonl"
    file.write_text("\n".join(lines) + "\n")
    sizes = "--hidden-size 8 --inner-size 8 --label-size 4 --epochs 2 --threads 1"
    run = str(tmp_path / "run")
    words = ["train", str(file), "--task", "transduce", "--out", run, *sizes.split()]
    assert main([*words, "--functions", "shared"]) == 0
    capsys.readouterr()
    assert main(["predict", run, str(file)]) == 0
    said = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(said) == 40
    assert {each["target"] for each in said} <= {"some", "none"}
