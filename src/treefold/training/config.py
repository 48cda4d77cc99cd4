"""The settings of a run on trees: the API's, the CLI's and the run folder's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from treefold.training.errors import RunError
from treefold.training.settings import Settings

ModelName = Literal[
    "rnn",
    "deep-rnn",
    "rntn",
    "mv-rnn",
    "tree-lstm",
    "child-sum-tree-lstm",
    "tree-gru",
    "child-sum-tree-gru",
    "gated",
    "pooled",
]
PASSES = ("up", "down", "outside")
Metric = Literal["root_accuracy", "node_accuracy", "loss"]


@final
@dataclass(frozen=True, kw_only=True)
class Config(Settings):
    """Settings of a model that labels the nodes of trees, and of its training.

    Attributes:
        model: which cell is folded over the trees.
        input_size: features of a node's input vector; taken from hidden_size where
            a leaf's vector is its state (rnn, rntn, mv-rnn).
        hidden_size: features of a node's state.
        rank: rank of the words' matrices (mv-rnn).
        passes: "up", "down" and "outside" passes over the trees, one after another,
            each of which reads what those before have left; rnn, rntn and mv-rnn
            take one upward.
        activation: of deep-rnn.
        leaf_weights: later passes read leaves and inner nodes by weights of their own.
        pass_dropout: share of the features dropped from one pass to the next.
        embedding_std: standard deviation of the random vectors that training begins
            with.
        vectors: file of pretrained word vectors (GloVe's text format) to begin with.
        input_dropout: share of the input vectors' features dropped in training.
        state_dropout: share of a child's features that its parent does not see.
        output_dropout: share of a state's features that the classifier does not see.
        lower: lower-case the words.
        min_count: words that occur less often in training are unknown.
        class_weights: "balanced" weighs a class by the inverse of its frequency.
        root_weight: weight of a root's loss; that of other nodes is 1.
        label_smoothing: share of the target spread evenly over the classes.
        batch_size: trees in a batch.
        max_nodes: the most nodes in a batch; None: no bound.
        height_window: trees are sorted by height within so many batches, which makes
            their forests less deep, and training quicker; 1 mixes all heights.
        share: fold equal subtrees of a batch once: the same states in less time where
            trees repeat themselves.
        metric: what is best on dev, and chooses the epoch and the seed.
    """

    model: ModelName = "tree-lstm"
    input_size: int = 300
    hidden_size: int = 150
    rank: int = 3
    passes: str = "up"
    activation: Literal["tanh", "relu"] = "tanh"
    leaf_weights: bool = False
    pass_dropout: float = 0.0
    embedding_std: float = 0.1
    vectors: str | None = None
    input_dropout: float = 0.2
    state_dropout: float = 0.0
    output_dropout: float = 0.2
    lower: bool = False
    min_count: int = 1
    optimizer: Literal["adagrad", "adam", "adamw", "sgd"] = "adagrad"
    learning_rate: float = 0.05
    l2: float = 1e-4
    class_weights: Literal["balanced"] | None = None
    root_weight: float = 1.0
    label_smoothing: float = 0.0
    max_nodes: int | None = None
    height_window: int = 1
    share: bool = False
    metric: Metric = "root_accuracy"

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("input_size", "hidden_size", "rank", "min_count", "max_nodes")
        self.check("at least 1", lambda value: value >= 1, *sizes, "height_window")
        shares = ("input_dropout", "state_dropout", "output_dropout", "pass_dropout")
        self.check(
            "in [0, 1)", lambda value: 0 <= value < 1, *shares, "label_smoothing"
        )
        self.check("0 or more", lambda v: v >= 0, "root_weight", "embedding_std")
        if self.share and (self.input_dropout or self.state_dropout):
            raise RunError(
                "share folds equal subtrees once, but with input_dropout or "
                "state_dropout each draws noise of its own. Set both to 0."
            )
        names = self.passes.split()
        if names[:1] != ["up"] or not set(names) <= set(PASSES):
            raise RunError(
                'passes must be "up", "down" or "outside", one after another, the '
                f'first "up", got {self.passes!r}.'
            )
        if len(names) > 1 and self.model in ("rnn", "rntn", "mv-rnn"):
            raise RunError(
                f"{self.model} takes one upward pass, as its leaves' vectors are their "
                f"states, got passes={self.passes!r}. Take deep-rnn, or a model with "
                "gates."
            )
        if len(names) > 1 and self.share:
            raise RunError(
                "share folds equal subtrees once, but in a pass down or outside they "
                'differ by what is above them. Set passes="up".'
            )
