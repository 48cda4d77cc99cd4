"""The demonstration that a chain is a tree: what it says is so."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from treefold.data import DataError

SCRIPT = Path(__file__).parents[2] / "examples" / "chain_is_a_tree.py"


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(SCRIPT))


@pytest.mark.parametrize(
    "proof", ["chain_and_left_branching_tree", "elman_and_socher", "both_directions"]
)
def test_the_equalities_hold_to_rounding(script, proof):
    for what, difference in script[proof]().items():
        assert difference < 1e-12, what


def test_memory_is_shared_indeed(script):
    assert all(script["memory_is_shared"]().values())


def test_the_equalities_need_no_data(script, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("TREEFOLD_DATA", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert script["main"]([]) == {}
    told = capsys.readouterr().out
    assert "torch.nn.LSTM and a left-branching tree of two slots" in told
    assert "SST is left out: sst is not on this machine" in told
    assert "ListOps is left out: listops is not on this machine" in told


def test_the_structures_have_the_same_words(script):
    parse = (1, ((2, 3), (4, 5)))
    assert script["words_of"](parse) == [1, 2, 3, 4, 5]
    assert script["right_branching"]([1, 2, 3, 4]) == (1, (2, (3, 4)))
    assert script["balanced"]([1, 2, 3, 4]) == ((1, 2), (3, 4))
    data = script["Sentences"]([parse, 7], [0, 1])
    roots = {}
    for name in script["STRUCTURES"]:
        corpus = script["corpus"](data, name, 8, 2)
        assert sorted(corpus.token[corpus.token >= 0]) == [1, 2, 3, 4, 5, 7]
        assert corpus.label[corpus.roots].tolist() == [0, 1]
        assert (corpus.label >= 0).sum() == 2  # the roots alone have labels
        roots[name] = int(corpus.height[corpus.roots[0]])
    assert roots == {"sequence": 4, "right-branching": 4, "balanced": 3, "parse": 3}


def test_a_sequence_is_read_from_its_first_word_to_its_last(script):
    corpus = script["corpus"](script["Sentences"]([((1, 2), 3)], [0]), "sequence", 4, 2)
    assert corpus.token.tolist() == [1, 2, 3]  # in level order, the root last
    assert corpus.child.tolist() == [0, 1]


def test_list_operations_are_parsed_as_the_data_set_has_them(script):
    words = ["[MIN", "[MAX", "[MED", "[SM", "]", *"0123456789"]
    MIN, MAX, end, two, nine = (words.index(w) for w in ("[MIN", "[MAX", "]", "2", "9"))
    lines = ["2\t[MIN 9 [MAX 2 2 ] 9 ]\n", "9\t9\n", "0\t[SM 1 1 1 1 1 1 1 1 1 1 ]\n"]
    data = script["_listops_sentences"](lines, 9)
    inner = (((MAX, two), two), end)
    assert data.parses == [((((MIN, nine), inner), nine), end), nine]
    assert data.labels == [2, 9]


def test_training_compares_and_draws(script, monkeypatch, tmp_path):
    random = np.random.default_rng(0)
    words = random.integers(0, 5, (60, 6)).tolist()
    labels = [int(sentence[0] > 2) for sentence in words]
    data = script["Sentences"]([script["balanced"](w) for w in words], labels)
    budget = script["Budget"](lambda: ([data] * 3, 5, 2), 60, 60, 8, 12, 0.02)
    torch.set_default_dtype(torch.float32)
    outcomes, majority, sizes = script["compare"](budget)
    assert sizes == [60, 60, 60]
    assert 0.5 <= majority < 0.75
    for name, outcome in outcomes.items():
        assert outcome.accuracy > majority, name
        assert 0 < outcome.reach <= 1
    # Words stand nearer to the root of a balanced tree: 2.67 edges against 2.5 and 3.33
    distance = {name: outcome.distance for name, outcome in outcomes.items()}
    assert distance["sequence"] == pytest.approx(2.5)
    assert distance["balanced"] == pytest.approx(16 / 6)
    assert distance["right-branching"] == pytest.approx(20 / 6)
    script["draw"]({"one": outcomes, "two": outcomes}, tmp_path / "picture.svg")
    drawn = (tmp_path / "picture.svg").read_text("utf-8")
    assert "<svg" in drawn


def test_real_data_are_read_where_they_are(script):
    try:
        (train, dev, test), words, classes = script["sst"]()
    except DataError as error:
        pytest.skip(str(error))
    assert [len(part.labels) for part in (train, dev, test)] == [6920, 872, 1821]
    assert classes == 2
    assert max(map(max, map(script["words_of"], test.parses))) < words
