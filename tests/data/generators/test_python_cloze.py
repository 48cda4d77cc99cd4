"""python-cloze: operators masked in the trees around them."""

import numpy as np
import pytest

from treefold.data import DataError
from treefold.data.generators import python_cloze
from treefold.data.generators.python_cloze import MASK, MOST_NODES, examples, load


def masked(document):
    (node,) = [v for v, label in enumerate(document.label) if label is not None]
    return node


def test_an_operator_is_masked_and_its_operands_are_not():
    (document,) = examples("def f(a):\n    return a.b - 1", "f.py")
    node = masked(document)
    assert document.label[node] == "Sub"
    assert document.content[node].kind == MASK
    assert document.content[node].text is None
    below = [document.content[v] for v in document.children[node]]
    assert [(c.role, c.text) for c in below] == [("left", "b"), ("right", "1")]
    assert document.place == "f.py:2"


def test_comparisons_and_operations_look_alike():
    (less,) = examples("a < b", "f.py")
    (minus,) = examples("a - b", "f.py")
    assert less.content == minus.content
    assert (less.label[1], minus.label[1]) == ("Lt", "Sub")


def test_each_operator_of_an_expression_is_an_example_of_its_own():
    found = list(examples("x = a + b * c if d == 0 else -d", "f.py"))
    assert sorted(str(d.label[masked(d)]) for d in found) == ["Add", "Eq", "Mult"]
    for document in found:
        assert len(document) == len(found[0])
        kept = sum(c.kind in ("BinOp", "Compare") for c in document.content)
        assert kept == 2


def test_chains_of_comparisons_and_rare_operators_are_left_alone():
    assert list(examples("a < b < c\na >> b\na @ b\nnot a", "f.py")) == []


def test_a_tree_is_as_large_as_may_be_and_stays_in_its_function():
    short = "def f(a):\n    b = a + 1\n    return b\n"
    (document,) = examples(short, "f.py")
    assert document.content[0].kind == "FunctionDef"
    long = short + "".join(f"    g({i})\n" for i in range(MOST_NODES))
    (document,) = examples(long, "f.py")
    assert document.content[0].kind == "Assign"
    assert (document.content[0].role, document.content[0].position) == ("", -1)
    (document,) = examples("class A:\n    size = 2 * 3", "f.py")
    assert document.content[0].kind == "Assign"
    assert not list(examples(f"f({'x, ' * MOST_NODES}) + 1", "f.py"))


@pytest.fixture
def sources(tmp_path):
    random = np.random.default_rng(0)
    paths = []
    for k in range(12):
        lines = [
            f"v{i} = w{i + 100 * k} {random.choice(['+', '<', '-', 'in'])} 1"
            for i in range(9)
        ]
        paths.append(tmp_path / f"{k}.py")
        paths[-1].write_text("\n".join([*lines, "same = same + 1"]))
    (tmp_path / "bad.py").write_text("x =")
    return [*paths, tmp_path / "bad.py"]


def test_modules_are_in_one_split_and_equal_trees_occur_once(sources, tmp_path):
    found = load(sources=sources, store=tmp_path / "kept")
    of = [{p.rpartition(":")[0] for p in part.places} for part in found.splits.values()]
    assert sum(map(len, of)) == 12 == len(set.union(*of))
    trees = [str(document) for part in found.splits.values() for document in part]
    assert len(trees) == len(set(trees)) == 12 * 9 + 1
    assert found.goal == "nodes"


def test_they_are_made_once(sources, tmp_path, monkeypatch):
    first = load(sources=sources, store=tmp_path / "kept")
    monkeypatch.delattr(python_cloze, "_make")
    second = load(sources=sources, store=tmp_path / "kept")
    assert second.test.places == first.test.places
    assert second.test.document(2).label == first.test.document(2).label


def test_too_few_modules_are_told(sources, tmp_path):
    with pytest.raises(DataError, match=r"1 files: no operator is left for"):
        load(sources=sources[:1], store=tmp_path / "kept")
