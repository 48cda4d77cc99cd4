"""Formulas: their values are what they are worth, at every depth alike."""

from collections import Counter

import pytest

from treefold.data.document_sets import load_documents
from treefold.data.generators import formulas
from treefold.data.generators.formulas import NAMES, make_formulas, said, tokens

RULES = {
    "+": lambda x, y: (x + y) % 5,
    "-": lambda x, y: (x - y) % 5,
    "*": lambda x, y: (x * y) % 5,
    "and": lambda x, y: x and y,
    "or": lambda x, y: x or y,
    "not": lambda x: 1 - x,
}


def worth(formula, node=0):
    """The value of a node, by recursion."""
    content = formula.content[node]
    if content.kind != "operator":
        return int(content.text if content.number is None else content.number)
    return RULES[content.text](*(worth(formula, v) for v in formula.children[node]))


def depth(formula, node=0):
    below = formula.children[node]
    return 1 + max(depth(formula, v) for v in below) if below else 0


@pytest.mark.parametrize("name", NAMES)
def test_the_target_is_the_value_and_the_depth_is_as_asked_for(name):
    names = formulas.LANGUAGES[name].values
    depths = [0, 1, 4, 7]
    for k, formula in enumerate(make_formulas(name, 80, depths, seed=1)):
        assert formula.target == names[worth(formula)]
        assert depth(formula) == depths[k % 4]


@pytest.mark.parametrize("name", NAMES)
def test_values_are_equally_likely_at_every_depth(name):
    values = formulas.LANGUAGES[name].values
    for level in (1, 5):
        count = Counter(f.target for f in make_formulas(name, 1000, [level], seed=2))
        assert set(count) == set(values)
        assert max(count.values()) - min(count.values()) < 120  # 3 deviations, about


def test_arguments_have_their_places_and_brackets_their_tokens():
    (formula,) = make_formulas("expressions-arithmetic", 1, [3], seed=5)
    children = formula.children
    for below in filter(None, children):
        assert [formula.content[v].position for v in below] == list(range(len(below)))
    text = " ".join(tokens(formula))
    assert text.count("(") == text.count(")") == sum(map(bool, children))
    assert eval_all(text) == int(formula.target)


def eval_all(text):
    """The value of a text of digits and brackets, without Python's eval."""
    stack = [[]]
    for token in text.split():
        if token == "(":
            stack.append([])
        elif token == ")":
            x, name, y = stack.pop()
            stack[-1].append(RULES[name](x, y))
        else:
            stack[-1].append(int(token) if token.isdigit() else token)
    return stack[0][0]


def test_a_variable_says_its_truth():
    (formula,) = make_formulas("expressions-logic", 1, [0], seed=3)
    assert said(formula.content[0]).split("=")[1] == str(int(formula.target == "true"))


def test_formulas_depend_on_the_seed_alone():
    one, same, other = (
        [str(f) for f in make_formulas("expressions-logic", 20, [3], seed=s)]
        for s in (1, 1, 2)
    )
    assert one == same != other


def test_the_sets_are_shallow_to_learn_from_and_deeper_to_measure_on(monkeypatch):
    monkeypatch.setattr(formulas, "SIZES", {"train": 40, "dev": 8, "test": 12})
    found = load_documents("expressions-arithmetic", seed=3)
    heights = {
        name: set(part.corpus.height[part.corpus.roots].tolist())
        for name, part in found.splits.items()
    }
    assert heights == {
        "train": {1, 2, 3, 4},
        "dev": {1, 2, 3, 4},
        "test": {*range(5, 11)},
    }
    assert found.goal == "classify"


def test_what_cannot_be_made_is_told():
    with pytest.raises(ValueError, match="name must be one of expressions-arithmetic"):
        make_formulas("algebra", 1, [1])
    with pytest.raises(ValueError, match="depths must be one or more"):
        make_formulas("expressions-logic", 1, [])
