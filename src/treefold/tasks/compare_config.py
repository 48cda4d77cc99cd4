"""The settings of a model that compares two structures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from treefold.data.tree_pairs import Trees
from treefold.training.settings import Settings


@final
@dataclass(frozen=True, kw_only=True)
class CompareConfig(Settings):
    """Settings of a model that compares two structures, and of its training.

    Attributes:
        model: which cell is folded over both; mean takes the mean of the words.
        trees: which structure each side has: dependency trees, constituency trees, a
            chain of its words, a chain of its words and brackets, or what is given.
        head: similarity gives a score, relation one of several names; auto is
            similarity where all targets are numbers.
        hidden_size: features of a node's state.
        input_size: features of a word's vector.
        inner_size: features of the layer that compares.
        tensor: let that layer of the relation head compare by a tensor, too.
        levels: scores that the classes of the similarity head stand for, from the
            lowest whole number to the highest.
        lower: lower-case the words.
        min_count: words that occur less often in training are unknown.
        embedding_std: standard deviation of the random vectors that training begins
            with.
        vectors: file of pretrained word vectors (GloVe's text format) to begin with;
            of several, with commas between, the features stand side by side. What is
            not there is looked for in the folder glove_small of the data sets. Words
            of dev and test that have such a vector are known.
        fixed_words: leave the words' vectors as they are.
        input_dropout: share of a word's features dropped in training.
        output_dropout: share of the features of a root's state that are dropped.
        label_smoothing: share of a relation's target spread over all relations.
    """

    model: Literal[
        "rnn",
        "tree-lstm",
        "child-sum-tree-lstm",
        "tree-gru",
        "child-sum-tree-gru",
        "gated",
        "mean",
    ] = "tree-lstm"
    trees: Trees = "given"
    head: Literal["auto", "similarity", "relation"] = "auto"
    hidden_size: int = 150
    input_size: int = 100
    inner_size: int = 50
    tensor: bool = False
    levels: int = 5
    lower: bool = True
    min_count: int = 1
    embedding_std: float = 0.5
    vectors: str | None = None
    fixed_words: bool = False
    input_dropout: float = 0.0
    output_dropout: float = 0.0
    label_smoothing: float = 0.0
    optimizer: Literal["adagrad", "adam", "adamw", "sgd"] = "adagrad"
    learning_rate: float = 0.05
    l2: float = 1e-4
    batch_size: int = 25
    epochs: int = 10
    patience: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("hidden_size", "input_size", "inner_size", "min_count")
        self.check("at least 1", lambda value: value >= 1, *sizes)
        self.check("at least 2", lambda value: value >= 2, "levels")
        self.check("0 or more", lambda value: value >= 0, "embedding_std")
        shares = ("input_dropout", "output_dropout", "label_smoothing")
        self.check("in [0, 1)", lambda value: 0 <= value < 1, *shares)
