"""Trees to encode: what they are, that no split sees another, and bad files told."""

import numpy as np
import pytest

from treefold.data.errors import DataError
from treefold.data.generators import pollack
from treefold.data.generators.random_trees import random_trees
from treefold.data.readers.brackets import format_brackets
from treefold.data.readers.codes import read_codes
from treefold.data.readers.nested import read_nested
from treefold.data.symbols import Symbols, canonical
from treefold.data.tree_sets import keys, load_trees, read_trees

NO_FILES = {"train": None, "dev": None, "test": None}


def test_every_shape_of_a_size_is_as_likely_as_any_other():
    count = 7000
    texts = format_brackets(random_trees(count, leaves=(5, 5), symbols=1, seed=1))
    _, found = np.unique(list(texts), return_counts=True)
    assert len(found) == 14  # Catalan's number
    expected = count / 14
    assert ((found - expected) ** 2 / expected).sum() < 34.5  # chi squared, p = 0.001


def test_sizes_and_symbols_are_even_and_fixed_by_the_seed():
    trees = random_trees(3000, leaves=(2, 7), symbols=4, seed=(3, 1))
    leaf = np.diff(trees.child_offset) == 0
    sizes = np.add.reduceat(leaf, trees.tree_offset[:-1], dtype=int)
    assert np.abs(np.bincount(sizes)[2:] / 500 - 1).max() < 0.2
    drawn = np.bincount(trees.token[leaf])
    assert np.abs(drawn / drawn.mean() - 1).max() < 0.05
    again = random_trees(3000, leaves=(2, 7), symbols=4, seed=(3, 1))
    assert keys(trees) == keys(again)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [({"leaves": (3, 2)}, "leaves must be two"), ({"symbols": 27}, "symbols must be")],
)
def test_trees_that_there_are_not_are_told(arguments, told):
    with pytest.raises(ValueError, match=told):
        random_trees(1, **arguments)


def test_pollacks_trees_are_those_of_his_grammar():
    found = pollack.sentences(5)
    assert len(found) == len(set(found)) == 112
    assert {pollack.kind(tree) for tree in found} == {"S"}
    kinds = [pollack.kind(tree) for tree in pollack.SEVEN]
    assert kinds == ["NP", "NP", "VP", "PP", "S", "S", "S"]
    assert pollack.kind(("N", "D")) == ""


@pytest.mark.parametrize("name", ["pollack", "random-trees"])
def test_no_tree_of_dev_or_test_is_in_training(name):
    found = load_trees(name, NO_FILES)
    texts = {s: set(canonical(c)) for s, c in found.splits.items()}
    assert not texts["train"] & (texts["dev"] | texts["test"])
    assert not texts["dev"] & texts["test"]
    if found.fresh:
        more = set(canonical(found.fresh(2000, 0, 7)))
        assert not more & (texts["dev"] | texts["test"])
        assert len(more - texts["train"]) > 1000
    else:
        assert {pollack.brackets(tree) for tree in pollack.SEVEN} <= texts["train"]


def test_equal_trees_of_a_file_go_to_one_split(tmp_path):
    lines = [f"(_ a (_ b {w}))" for w in "cdefghijkl"] * 3
    (tmp_path / "trees.txt").write_text("\n".join(lines))
    found = load_trees(str(tmp_path / "trees.txt"), NO_FILES).splits
    sets = [set(canonical(found[s])) for s in ("train", "dev", "test")]
    assert [len(s) for s in sets] == [8, 1, 1]
    assert len(set.union(*sets)) == 10
    assert sum(map(len, found.values())) == 30


def test_too_few_trees_and_a_named_set_with_files_are_told(tmp_path):
    (tmp_path / "few.txt").write_text("(_ a b)\n(_ a b)\n")
    with pytest.raises(DataError, match="1 distinct trees are too few"):
        load_trees(str(tmp_path / "few.txt"), NO_FILES)
    with pytest.raises(DataError, match="pollack has its own split"):
        load_trees("pollack", {**NO_FILES, "test": "x.txt"})


def test_equal_trees_are_written_in_one_way():
    texts = ["(_ (_ a) (_ b c))", "( (_ a) ( (_ b) c))", "(_ a (_ b c))"]
    assert len(set(canonical(read_nested(texts)))) == 1
    kept = ["(S (NP the cat) (VP sat))", "(N cat)", "(_ a)", "(_ (_ a))"]
    assert canonical(read_nested(kept)) == kept


def test_coded_trees_are_written_as_they_were():
    texts = ["(S (NP the cat) (VP sat))", "(_ x (N cat) y)", "(S (S (A b)))"]
    corpus = read_nested(texts)
    symbols = Symbols.build(corpus)
    assert symbols.arity == 3
    assert symbols.texts(symbols.code(corpus)) == texts


def test_what_a_code_cannot_hold_is_told():
    symbols = Symbols.build(read_nested(["(S a b)"]))
    with pytest.raises(DataError, match=r"a node has 3 children, .* knows 2 at most"):
        symbols.code(read_nested(["(S a b a)"]))
    with pytest.raises(DataError, match="the word 'c' is in no tree of training"):
        symbols.code(read_nested(["(S a c)"]), strict=True)
    with pytest.raises(DataError, match="the label 'T' is in no tree of training"):
        symbols.code(read_nested(["(T a b)"]), strict=True)


def test_a_bad_tree_of_a_stream_is_told_with_its_line(tmp_path):
    file = tmp_path / "trees.txt"
    file.write_text("(_ a b)\n\n(_ a b\n")
    with pytest.raises(DataError, match=r"trees\.txt:3:7: expected '\)'"):
        list(read_trees(str(file)))


def test_trees_of_a_stream_are_counted(tmp_path):
    file = tmp_path / "trees.txt"
    file.write_text("(_ a b)\n\n(_ b a) (_ b b)\n")
    told = [
        part.where(tree) for part in read_trees(str(file)) for tree in range(len(part))
    ]
    where = [(1, 1), (2, 3), (3, 3)]
    assert told == [f"{file}: tree {n} (line {line})" for n, line in where]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("[1, 2", r"codes\.txt:2:6: expected a list of 2 numbers as JSON"),
        ('{"tree": "a"}', r"codes\.txt:2: expected a list of 2 numbers, or an object"),
        ("[1, true]", "expected a list of 2 numbers"),
        ("[1, 2, 3]", "a code of this model has 2 numbers, this one 3"),
        ("[1, NaN]", "a code is finite numbers"),
        (f"[1, 1{'0' * 400}]", "a code is finite numbers"),
    ],
)
def test_a_line_that_is_no_code_is_told(tmp_path, line, told):
    file = tmp_path / "codes.txt"
    file.write_text(f"[0.5, 1]\n{line}\n")
    with pytest.raises(DataError, match=told):
        list(read_codes(str(file), 2))


def test_codes_are_read_bare_and_from_objects(tmp_path):
    file = tmp_path / "codes.txt"
    file.write_text('[0.5, 1]\n\n{"tree": "(_ a b)", "code": [2, 3]}\n')
    found = list(read_codes(str(file), 2))
    assert [code for _, code in found] == [[0.5, 1.0], [2.0, 3.0]]
    assert found[1][0].endswith("codes.txt:3")
