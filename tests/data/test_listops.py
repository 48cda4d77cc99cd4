"""ListOps: expressions as trees in two forms, held to evaluating them by hand."""

import io
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from treefold.data import DataError, listops
from treefold.data.readers.listops import parse_listops, read_listops

EXPRESSION = "[MAX 2 9 [MIN 4 7 ] 0 ]"


def nested(corpus, tree=0):
    """A tree of a corpus as nested tuples: (token or None, children...)."""
    s, e = corpus.tree_offset[tree], corpus.tree_offset[tree + 1]

    def node(v):
        a, b = corpus.child_offset[s + v], corpus.child_offset[s + v + 1]
        token = corpus.token[s + v]
        name = corpus.tokens[token] if token >= 0 else None
        below = tuple(node(c) for c in corpus.child[a:b].tolist())
        return (name, *below) if below else name

    return node(e - s - 1)


def parsed(text, form, **options):
    return parse_listops([(7, text)], form, name="x", **options)


def value(tree):
    """Evaluate a tree of own arity."""
    if isinstance(tree, str):
        return int(tree)
    name, *below = tree
    given = sorted(value(each) for each in below)
    if name == "[SM":
        return sum(given) % 10
    if name == "[MED":
        half = len(given) // 2
        middle = (
            given[half : half + 1] if len(given) % 2 else given[half - 1 : half + 1]
        )
        return sum(middle) // len(middle)
    return given[-1 if name == "[MAX" else 0]


def test_binarised_lists_branch_to_the_left_over_their_words():
    tree = nested(parsed(f"9\t{EXPRESSION}", "binary"))
    inner = (None, (None, (None, "[MIN", "4"), "7"), "]")
    wanted = (None, (None, (None, "[MAX", "2"), "9"), inner)
    assert tree == (None, (None, wanted, "0"), "]")


def test_with_their_own_arity_operators_stand_above_their_arguments():
    tree = nested(parsed(f"9\t{EXPRESSION}", "arity"))
    assert tree == ("[MAX", "2", "9", ("[MIN", "4", "7"), "0")
    assert value(tree) == 9


def test_published_parentheses_say_nothing_new():
    published = "9\t( ( ( ( ( [MAX 2 ) 9 ) ( ( ( [MIN 4 ) 7 ) ] ) ) 0 ) ] )"
    for form in ("binary", "arity"):
        assert nested(parsed(published, form)) == nested(parsed(EXPRESSION, form))


def test_the_root_alone_has_the_value_as_label():
    corpus = parse_listops([(1, f"9\t{EXPRESSION}"), (2, ""), (4, "3\t3")], "binary")
    labelled = np.flatnonzero(corpus.label >= 0)
    assert labelled.tolist() == corpus.roots.tolist()
    assert [corpus.labels[k] for k in corpus.label[corpus.roots]] == ["9", "3"]
    assert corpus.line.tolist() == [1, 4]
    assert parsed(EXPRESSION, "binary").label.max() == -1


def test_long_expressions_are_left_out():
    lines = [(1, f"9\t{EXPRESSION}"), (2, "3\t3")]
    assert len(parse_listops(lines, "arity", most_words=9)) == 2
    assert len(parse_listops(lines, "arity", most_words=8)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1\t[MAX 2 [MIN 3 4 ]", r"x:7: expected 1 more '\]' at the end"),
        ("] 2", r"x:7: expected an open list to close, found word 1, '\]'"),
        ("[MAX 2 [MIN ] ]", r"expected an argument after '\[MIN', found word 4"),
        ("3 4", r"expected one expression a line, found another.* word 2, '4'"),
        ("[MAX 3 ] ]", r"word 4"),
        ("1\t", r"x:7: expected an expression, found none"),
    ],
)
def test_a_bad_line_is_told(text, message):
    with pytest.raises(DataError, match=message):
        parsed(text, "binary")


def test_a_file_is_read_in_the_form_of_the_run(tmp_path: Path):
    file = tmp_path / "own.tsv"
    file.write_text(f"9\t{EXPRESSION}\n")
    binary = listops.read_as("listops", str(file))
    arity = listops.read_as("listops-arity", str(file))
    assert binary is not None
    assert arity is not None
    assert (len(binary.token), len(arity.token)) == (17, 7)
    assert listops.read_as("sst", str(file)) is None
    assert listops.read_as("listops", "listops") is None
    (tmp_path / "empty.tsv").write_text("\n")
    with pytest.raises(DataError, match=r"empty.tsv: expected ListOps expressions"):
        listops.read_as("listops", str(tmp_path / "empty.tsv"))


def test_expressions_on_standard_input_are_read_as_they_come(monkeypatch):
    from treefold.cli.stream import read_for

    run = SimpleNamespace(
        manifest=SimpleNamespace(data=SimpleNamespace(data="listops"))
    )
    text = io.BytesIO(f"{EXPRESSION}\n3\n".encode())
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=text))
    found = list(read_for(run, "-"))  # type: ignore[arg-type]
    assert [len(corpus) for corpus in found] == [1, 1]


def test_a_missing_set_is_told(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(DataError, match=r"regen_test_900_1000.tsv.gz .* not on this"):
        listops.read_as("listops", "listops-900-1000")


def the_data() -> Path:
    try:
        return listops.path_of(listops.TEST)
    except DataError as error:
        pytest.skip(str(error))


def test_the_official_values_are_those_of_the_trees():
    the_data()
    for name in (listops.TEST, "regen_test_args15"):
        file = listops.path_of(name)
        corpus = read_listops(file, "arity", most_words=200)
        some = corpus[: min(len(corpus), 300)]
        for tree in range(len(some)):
            label = some.labels[some.label[some.roots[tree]]]
            assert value(nested(some, tree)) == int(label)


def test_the_binary_form_is_the_bracketing_of_the_official_file():
    import gzip

    with gzip.open(the_data(), "rt") as file:
        lines = [line for line, _ in zip(file, range(200), strict=False)]
    corpus = parse_listops(list(enumerate(lines, 1)), "binary")

    def written(tree):
        if isinstance(tree, str):
            return tree
        return f"( {written(tree[1])} {written(tree[2])} )"

    for tree, line in enumerate(lines):
        assert written(nested(corpus, tree)) == line.split("\t")[1].strip()
