"""Brackets by evalb's rules."""

import pytest

from tests.parsing.trees import TREES, read
from treefold.parsing import evalb


def one(text: str):
    (tree,) = read(text)
    return tree


def test_a_tree_is_right_of_itself():
    for tree in TREES:
        score = evalb.score(tree, tree)
        assert (score.f1, score.exact, score.tags) == (1, 1, score.words)


def test_counts_are_those_of_a_tree_worked_by_hand():
    right = one("(S (NP (DT the) (NN dog)) (VP (VBZ sees) (NP (NN joy))) (. .))")
    said = one("(S (NP (DT the) (NN dog)) (X (VBZ sees) (NP (VB joy))) (. .))")
    score = evalb.score(said, right)
    # S, NP and NP are right; X is said in vain, VP missed. The full stop is no word.
    assert (score.matched, score.said, score.right) == (3, 4, 4)
    assert (score.tags, score.words, score.exact) == (3, 4, 0)
    assert score.f1 == pytest.approx(0.75)
    assert score.precision == pytest.approx(0.75)
    assert score.recall == pytest.approx(0.75)
    assert evalb.score(said, right, labelled=False).f1 == 1


def test_punctuation_does_not_move_brackets():
    right = one("(S (NP (NN rain) (, ,)) (VP (VBZ falls)) (. .))")
    said = one("(S (NP (NN rain)) (, ,) (VP (VBZ falls) (. .)))")
    assert evalb.score(said, right).exact == 1


def test_what_covers_only_punctuation_is_no_bracket():
    tree = one("(S (NP (NN rain)) (X (. .) ('' '')))")
    assert set(evalb.brackets(tree)) == {("S", 0, 1), ("NP", 0, 1)}


def test_advp_and_prt_are_one_label():
    right = one("(S (NP (NN rain)) (VP (VBZ falls) (PRT (RP down))))")
    said = one("(S (NP (NN rain)) (VP (VBZ falls) (ADVP (RP down))))")
    assert evalb.score(said, right).exact == 1


def test_equal_brackets_count_as_often_as_they_occur():
    right = one("(S (NP (QP (NP (NN joy)))) (VP (VB eat)))")
    said = one("(S (NP (QP (NN joy))) (VP (VB eat)))")
    assert evalb.score(said, right).matched == 4
    assert evalb.score(right, said).said == 5


def test_scores_add_up():
    pairs = list(zip(TREES[:3], TREES[:3], strict=True))
    assert evalb.total(pairs).trees == 3
    assert evalb.Score().f1 == 0


def test_trees_of_other_words_are_refused():
    with pytest.raises(ValueError, match="the trees must be of the same words"):
        evalb.score(TREES[0], TREES[1])
