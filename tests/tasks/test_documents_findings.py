"""What is told of a model of documents: of each goal, and of runs that go badly."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.explain.cases import random_document
from treefold.data.documents import Document, Documents, DocumentSet
from treefold.report.sheet import Sheet, write_sheet
from treefold.tasks.documents import DocumentsTask
from treefold.tasks.documents_config import DocumentsConfig
from treefold.tasks.documents_findings import _places, findings
from treefold.training.run import DataSpec

SMALL = DocumentsConfig(hidden_size=6, input_size=5, epochs=1)


def targeted(goal, seed, classes=2):
    document = random_document(seed, 8 + seed % 9)
    document.target = {
        "classify": f"class {seed % classes}",
        "regress": float(len(document)),
        "nodes": None,
    }[goal]
    return document


def task_of(goal, classes=2):
    def part(first, count):
        return Documents.of(
            targeted(goal, seed, classes) for seed in range(first, first + count)
        )

    found = DocumentSet("made", part(0, 60), part(100, 9), part(200, 40), goal, "Made.")
    return DocumentsTask.of(SMALL, found, DataSpec("made"))


def result_of(task, model):
    own = task.evaluate(model, "test")
    return {
        "baselines": {"mean": {"dev": own, "test": own, "seconds": 0.0}},
        "test": {name: {"mean": v, "seeds": [v]} for name, v in own.items()},
        "model": "a model",
        "metric": task.metric,
        "versions": {},
        "command": "treefold train made",
        "kind": "documents",
        "task": "made",
    }


@pytest.fixture(params=["classify", "regress", "nodes"])
def task(request):
    return task_of(request.param)


def test_the_page_tells_all_and_asks_for_nothing(task, tmp_path):
    model = task.made_model().eval()
    result = result_of(task, model)
    found = findings(task, model, result)
    titles = [picture.title for picture in found.pictures if picture.title]
    assert titles[0] == "The data"
    middle = "Numbers told" if task.goal == "regress" else "How sure, and how right"
    assert titles[1:4] == [middle, "By depth and size", "Why"]
    assert titles[4:] == ["The worst errors"]
    assert "Made." in found.summary
    heading, schema = found.samples[0]
    assert heading == "What is seen of the documents"
    assert "ann" in schema
    sheet = Sheet("made", found, result, task.metrics, [[]], task.config.to_dict())
    page = write_sheet(tmp_path / "report.html", sheet).read_text()
    assert page.count("<figure>") == len(found.pictures)
    assert page.count("<div") == page.count("</div>")
    assert not re.search(r"<script|src=|https?://(?!www\.w3\.org)", page)


def test_worst_errors_are_explained_against_what_is_right():
    task = task_of("classify")
    model = task.made_model().eval()
    found = findings(task, model, result_of(task, model))
    said = task.answers(model, task.coded["test"])
    target = task.coded["test"].target[:, 0]
    wrong = np.flatnonzero(said.argmax(axis=1) != target)
    worst = wrong[np.argmax(said[wrong].max(axis=1))]
    start = next(
        k for k, p in enumerate(found.pictures) if p.title == "The worst errors"
    )
    caption = found.pictures[start].caption
    assert caption.startswith(f"{task.parts['test'].places[worst]}: It says class ")
    assert f"right is {task.classes[target[worst]]}." in caption


def test_of_many_classes_the_most_confused_are_drawn_instead_of_a_matrix():
    task = task_of("classify", classes=25)
    model = task.made_model().eval()
    found = findings(task, model, result_of(task, model))
    assert found.confusion is None
    assert "What is confused" in [picture.title for picture in found.pictures]


def test_nodes_say_in_the_picture_what_is_right():
    task = task_of("nodes")
    model = task.made_model().eval()
    found = findings(task, model, result_of(task, model))
    errors = found.pictures[-1].image
    assert "✗ " in errors
    assert ", right is " in errors


def test_a_test_of_unknown_classes_is_no_trouble():
    task = task_of("classify")
    strange = replace(
        task.parts["test"], targets=("nobody knows",) * len(task.parts["test"])
    )
    task.parts["test"], task.coded["test"] = strange, task.code(strange)
    model = task.made_model().eval()
    found = findings(task, model, result_of(task, model))
    assert found.confusion is None
    assert {picture.title for picture in found.pictures} == {"The data", ""}


def test_documents_of_one_node_are_no_trouble():
    def part(count):
        documents = []
        for k in range(count):
            document = Document(f"one:{k}", target=f"c{k % 2}")
            document.add(-1, "number", number=float(k))
            documents.append(document)
        return Documents.of(documents)

    found = DocumentSet("ones", part(8), part(4), part(6), "classify")
    task = DocumentsTask.of(SMALL, found, DataSpec("ones"))
    model = task.made_model().eval()
    pictures = findings(task, model, result_of(task, model)).pictures
    assert "Why" in [picture.title for picture in pictures]


@pytest.mark.parametrize("seed", range(3))
def test_depths_and_sizes_are_those_of_each_node(seed):
    documents = Documents.of(random_document(seed + k, 25) for k in range(3))
    depth, size = _places(documents)
    offset = documents.corpus.tree_offset
    for b, document in enumerate(documents):
        for row in range(offset[b], offset[b + 1]):
            node = v = int(documents.node[row])
            steps = 0
            while v:
                v, steps = document.parent[v], steps + 1
            assert depth[row] == steps
            below = {node}
            below |= {
                u for u in range(25) if any(a in below for a in _above(document, u))
            }
            assert size[row] == len(below)


def _above(document, node):
    while node >= 0:
        yield node
        node = document.parent[node]
