"""Negations and contrasts are found by rule, in trees that are labelled throughout."""

import pytest

from treefold.data.negation import contrasts, negations, phrases
from treefold.data.readers.brackets import parse_brackets

TEXT = """
(1 (2 It) (1 (2 (2 is) (2 n't)) (3 (2 very) (3 good))))
(3 (2 (1 Not) (1 bad)) (2 .))
(2 (2 sad) (2 never))
(2 (2 (2 with) (2 (2 or) (2 not))) (2 it))
(3 (1 (2 It) (1 drags)) (3 (2 But) (3 shines)))
(3 (3 lovely) (3 (2 but) (3 good)))
"""


@pytest.fixture
def corpus():
    return parse_brackets(TEXT)


def test_a_phrase_beside_a_negator_is_negated(corpus):
    found = [(n.negated.text, n.phrase.text) for n in negations(corpus)]
    # What negates stands before, has two words at most, and ends in the negator.
    assert found == [("is n't very good", "very good"), ("Not bad", "bad")]
    first = negations(corpus)[0]
    assert (first.phrase.label, first.negated.label) == ("3", "1")
    assert (first.phrase.polarity, first.negated.polarity) == (1, -1)
    assert first.phrase.tree == "(_ (_ very) (_ good))"


def test_the_tree_of_a_phrase_is_read_again_as_it_stood(corpus):
    tree = negations(corpus)[0].negated.tree
    again = parse_brackets(tree)
    assert [p.text for p in phrases(parse_brackets(tree.replace("_", "2")))][-1] == (
        "is n't very good"
    )
    assert again.num_nodes == 7


def test_a_contrast_has_clauses_of_different_labels(corpus):
    (only,) = contrasts(corpus)
    parts = (only.first.text, only.second.text, only.but.text)
    assert parts == ("It drags", "shines", "But shines")


def test_all_subtrees_are_phrases(corpus):
    texts = [p.text for p in phrases(corpus[:2])]
    assert len(texts) == corpus[:2].num_nodes
    assert {"It", "very good", "Not bad", "Not bad ."} <= set(texts)
