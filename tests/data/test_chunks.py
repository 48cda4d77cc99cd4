"""Chunks and their score, against cases worked by hand and against nltk."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treefold.data.chunks import ChunkScore, are_chunked, chunk_score, chunks, rules


def score_of(truth: list[str], said: list[str]) -> ChunkScore:
    """Score sentences written as strings."""
    lengths = [len(labels.split()) for labels in truth]
    offset = np.cumsum([0, *lengths])

    def flat(sentences):
        return np.array(" ".join(sentences).split(), dtype=object)

    return chunk_score(flat(truth), flat(said), offset)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ("B-NP I-NP O B-VP", [(0, 2, "NP"), (3, 4, "VP")]),
        ("B-NP B-NP", [(0, 1, "NP"), (1, 2, "NP")]),
        ("O I-NP I-NP", [(1, 3, "NP")]),  # I begins a chunk after O
        ("B-NP I-VP", [(0, 1, "NP"), (1, 2, "VP")]),  # and after another type
        ("I-NP B-NP", [(0, 1, "NP"), (1, 2, "NP")]),
        ("O O", []),
        ("B-NP-SBJ I-NP-SBJ", [(0, 2, "NP-SBJ")]),
    ],
)
def test_chunks_begin_and_end_as_conlleval_says(labels, expected):
    assert chunks(labels.split()) == expected


def test_a_chunk_ends_with_its_sentence():
    truth = ["B-NP I-NP", "I-NP I-NP"]
    assert score_of(truth, truth).wanted == 2


def test_right_is_what_has_the_same_begin_end_and_type():
    truth = ["B-NP I-NP O B-VP O B-NP"]
    said = ["B-NP O    O B-NP O B-NP"]  # too short; wrong type; right
    score = score_of(truth, said)
    assert score == (3, 3, 1)
    assert score.precision == score.recall == score.f1 == pytest.approx(1 / 3)


def test_f1_weighs_precision_and_recall():
    score = ChunkScore(wanted=4, found=2, right=2)
    assert (score.precision, score.recall) == (1.0, 0.5)
    assert score.f1 == pytest.approx(2 / 3)


def test_where_nothing_is_found_the_score_is_zero():
    assert score_of(["B-NP"], ["O"]).f1 == 0.0
    assert score_of(["O"], ["O"]) == (0, 0, 0)
    assert score_of(["O"], ["O"]).f1 == 0.0


LABELS = st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"])


@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=12))
def test_the_score_is_that_of_nltk(pairs):
    nltk = pytest.importorskip("nltk.chunk")
    truth, said = ([label for label in side] for side in zip(*pairs, strict=True))

    def tree(labels):
        rows = [(str(k), "X", label) for k, label in enumerate(labels)]
        return nltk.conlltags2tree(rows)

    theirs = nltk.ChunkScore()
    theirs.score(tree(truth), tree(said))
    ours = score_of([" ".join(truth)], [" ".join(said)])
    assert ours.precision == pytest.approx(theirs.precision())
    assert ours.recall == pytest.approx(theirs.recall())
    assert ours.f1 == pytest.approx(theirs.f_measure() or 0.0)


def test_labels_of_chunks_are_told_from_others():
    assert are_chunked(["O", "B-NP", "I-NP"])
    assert not are_chunked(["NN", "VB"])
    assert not are_chunked(["O"])
    assert not are_chunked(["B-", "O"])


CLASSES = ["O", "B-A", "I-A", "B-B", "I-B"]


def test_rules_forbid_an_inside_without_its_beginning():
    label = np.array([1, 2, 2, 0, 3])  # B-A I-A I-A O B-B
    found = rules(CLASSES, label, np.array([0, 3, 5]))
    assert found is not None
    forbidden, first = found
    allowed = {
        (CLASSES[i], CLASSES[j]) for i, j in np.argwhere(~forbidden) if j in (2, 4)
    }
    assert allowed == {("B-A", "I-A"), ("I-A", "I-A"), ("B-B", "I-B"), ("I-B", "I-B")}
    assert not forbidden[:, [0, 1, 3]].any()
    assert first.tolist() == [False, False, True, False, True]


@pytest.mark.parametrize("label", [[0, 2], [2, 2], [1, 4]])
def test_where_the_data_break_the_rules_there_are_none(label):
    assert rules(CLASSES, np.array(label), np.array([0, 2])) is None


def test_other_labels_have_no_rules():
    assert rules(["NN", "VB"], np.array([0, 1]), np.array([0, 2])) is None
