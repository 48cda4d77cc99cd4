"""Sentences of our own with their trees, for the tests of parsing."""

from treefold.data.readers.brackets import parse_brackets
from treefold.data.treebank import trees_of
from treefold.parsing.plain import plain
from treefold.parsing.tree import Tree

TEXT = """
(S (NP (DT the) (NN dog)) (VP (VBZ sees) (NP (DT a) (NN cat))) (. .))
(S (NP (DT the) (NN cat)) (VP (VBZ sees) (NP (NP (DT the) (NN dog)) (PP (IN with)
  (NP (DT a) (NN bone))))) (. .))
(S (NP (NN rain)) (VP (VBZ falls)) (. .))
(S (NP (DT the) (NN dog)) (VP (VBZ eats) (NP (DT a) (NN bone)) (PP (IN with)
  (NP (NN joy)))) (. .))
(S (NP (DT the) (JJ old) (JJ grey) (NN dog)) (VP (VBZ eats)) (. .))
(S (NP (PRP it)) (VP (VBZ sees) (SBAR (S (NP (NN rain)) (VP (VBZ falls))))) (. .))
(S (VP (VB eat) (NP (NN joy))))
"""


def read(text: str) -> list[Tree]:
    trees = (plain(tree) for tree in trees_of(parse_brackets(text)))
    return [tree for tree in trees if tree is not None]


TREES = read(TEXT)
