"""Trees, what is made plain of them, rules, lexicon, tokens."""

import json

import numpy as np
import pytest

from tests.parsing.trees import TREES, read
from treefold.data.readers.brackets import parse_brackets
from treefold.data.treebank import trees_of
from treefold.parsing.binary import Markov, base, rules
from treefold.parsing.grammar import Grammar
from treefold.parsing.lexicon import unknown_class
from treefold.parsing.plain import bare, plain
from treefold.parsing.tokens import tokenise
from treefold.parsing.tree import TOP, Tree, escaped, right_branching


def test_a_tree_is_written_as_it_is_read():
    for tree in TREES:
        assert read(tree.brackets()) == [tree]


def test_spans_come_children_first():
    spans = [(node.label, i, j) for node, i, j in TREES[2].spans()]
    assert spans == [
        ("NN", 0, 1),
        ("NP", 0, 1),
        ("VBZ", 1, 2),
        ("VP", 1, 2),
        (".", 2, 3),
        ("S", 0, 3),
        (TOP, 0, 3),
    ]


def test_words_are_escaped():
    assert escaped("(a b)") == "-LRB-a_b-RRB-"
    assert Tree("SYM", ("(",)).brackets() == "(SYM -LRB-)"


def test_traces_functions_and_doubles_are_taken_out():
    text = (
        "( (S (NP-SBJ-1 (NP (DT the) (NN dog))) (VP (VBZ seems) "
        "(S (NP-SBJ (-NONE- *-1)) (ADJP-PRD (JJ glad)))) (. .)) )"
    )
    (tree,) = read(text)
    assert tree.brackets() == (
        "(TOP (S (NP (DT the) (NN dog)) (VP (VBZ seems) (S (ADJP (JJ glad)))) (. .)))"
    )


def test_a_tree_without_words_is_none():
    (tree,) = trees_of(parse_brackets("(S (NP (-NONE- *)))"))
    assert plain(tree) is None


def test_names_in_hyphens_are_no_functions():
    assert [bare(x) for x in ("-LRB-", "NP-SBJ", "S=2", "PRT|ADVP")] == [
        "-LRB-",
        "NP",
        "S",
        "PRT",
    ]


def test_a_long_node_is_cut_into_rules_of_two():
    (tree,) = read("(NP (DT the) (JJ old) (JJ grey) (NN dog))")
    found = {(r.head, r.symbols) for r in rules(tree, Markov(True, False, 1))}
    found = {each for each in found if each[1]}
    assert found == {
        ("TOP", ("NP^TOP",)),
        ("NP^TOP", ("DT", "@NP^TOP|DT")),
        ("@NP^TOP|DT", ("JJ", "@NP^TOP|JJ")),
        ("@NP^TOP|JJ", ("JJ", "NN")),
    }
    assert {base(head) for head, _ in found} == {"TOP", "NP", "@NP"}


def test_the_first_word_is_known_as_such():
    firsts = [r.word for r in rules(TREES[1], Markov()) if r.first]
    assert firsts == ["the"]


def test_the_chances_of_a_symbol_add_up_to_one():
    grammar = Grammar.of(TREES, Markov(True, True, 2), classes=True)
    total = np.zeros(len(grammar.symbols))
    found, weight = grammar.rules, np.exp(grammar.rules.weight)
    np.add.at(total, found.head, weight)
    for (above, _), n in grammar.unary.items():
        total[above] += n / grammar._totals[above]
    phrases = [
        k for k in range(len(total)) if k >= grammar.num_tags and grammar._totals[k] > 0
    ]
    np.testing.assert_allclose(total[phrases], 1)


def test_a_grammar_comes_back_from_json():
    grammar = Grammar.of(TREES, Markov(True, True, 2), classes=True)
    again = Grammar.of_json(json.loads(json.dumps(grammar.to_json())))
    for mine, theirs in zip(grammar.rules, again.rules, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    for word in ("the", "Zeno"):
        np.testing.assert_array_equal(
            grammar.lexicon(word, True), again.lexicon(word, True)
        )


def test_no_trees_are_refused():
    with pytest.raises(ValueError, match="read off trees; none were given"):
        Grammar.of([], Markov(), classes=True)


def test_unknown_words_are_told_apart_by_their_looks():
    words = ["1,000", "5th", "IBM", "Zeno", "forty-two", "walking", "%"]
    assert [unknown_class(w, False) for w in words] == [
        "number",
        "digit",
        "CAPS",
        "Cap-",
        "low-hyphen",
        "low-ing",
        "sign-",
    ]


def test_a_word_seen_often_keeps_its_tags():
    grammar = Grammar.of(TREES, Markov(), classes=True)
    lexicon = grammar.lexicon
    best = lexicon.tags[int(lexicon("the", False).argmax())]
    assert best == "DT"
    assert np.isfinite(lexicon("Zeno", False)).any()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It isn't so.", "It is n't so ."),
        ('"No," she said.', "`` No , '' she said ."),
        ("We'll pay $1,000 at 10:30!", "We 'll pay $ 1,000 at 10:30 !"),
        ("the dogs' bone", "the dogs ' bone"),
        ("Mr. X. lives (here) -- I cannot.", None),
        ("", ""),
    ],
)
def test_text_is_cut_into_words(text: str, words: str | None):
    wanted = "Mr. X. lives -LRB- here -RRB- -- I can not ." if words is None else words
    assert tokenise(text) == wanted.split()


def test_a_branch_to_the_right():
    tree = right_branching(["a", "b", "c"], ["A", "B", "C"])
    assert tree.brackets() == "(TOP (X (A a) (X (B b) (C c))))"
