"""The settings of a run: one frozen dataclass for the API, the CLI and the run folder.

This module imports no torch, so that ``treefold --help`` is quick.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, final, get_args

from treefold.training.errors import RunError

ModelName = Literal[
    "rnn",
    "rntn",
    "mv-rnn",
    "tree-lstm",
    "child-sum-tree-lstm",
    "tree-gru",
    "child-sum-tree-gru",
]
Metric = Literal["root_accuracy", "node_accuracy", "loss"]


@final
@dataclass(frozen=True)
class Config:
    """Settings of a model and of its training.

    Attributes:
        model: which cell is folded over the trees.
        input_size: features of a node's input vector; taken from hidden_size where
            a leaf's vector is its state (rnn, rntn, mv-rnn).
        hidden_size: features of a node's state.
        rank: rank of the words' matrices (mv-rnn).
        embedding_std: standard deviation of the random vectors that training begins
            with.
        vectors: file of pretrained word vectors (GloVe's text format) to begin with.
        input_dropout: share of the input vectors' features dropped in training.
        state_dropout: share of a child's features that its parent does not see.
        output_dropout: share of a state's features that the classifier does not see.
        lower: lower-case the words.
        min_count: words that occur less often in training are unknown.
        optimizer: how the weights follow the gradient.
        learning_rate: of all weights but the vectors.
        embedding_learning_rate: of the vectors; the same where not given.
        final_learning_rate: share of the rates that is left at the end of training,
            to which they fall in a straight line; 1 keeps them.
        l2: weight decay of all weights but the vectors, added to the gradient
            (decoupled with adamw).
        embedding_l2: the same for those vectors that a batch touches.
        clip: largest norm of the gradient, of all weights together; None: no bound.
        average: weights are averaged over the epochs, average = a · average +
            (1 - a) · weights after each; 0 takes the weights as they are.
        class_weights: "balanced" weighs a class by the inverse of its frequency.
        root_weight: weight of a root's loss; that of other nodes is 1.
        label_smoothing: share of the target spread evenly over the classes.
        batch_size: trees in a batch.
        max_nodes: the most nodes in a batch; None: no bound.
        height_window: trees are sorted by height within so many batches, which makes
            their forests less deep, and training quicker; 1 mixes all heights.
        epochs: how often the training trees are gone through, at most.
        patience: epochs without a better dev metric after which training stops;
            None: never.
        metric: what is best on dev, and chooses the epoch and the seed.
        seeds: how many seeds to train, 0 to seeds - 1.
        precision: float32; bfloat16 for products where that is safe; or float64.
        device: cpu, cuda or cuda:N.
        threads: of the processor; None leaves it to torch.
    """

    model: ModelName = "tree-lstm"
    input_size: int = 300
    hidden_size: int = 150
    rank: int = 3
    embedding_std: float = 0.1
    vectors: str | None = None
    input_dropout: float = 0.2
    state_dropout: float = 0.0
    output_dropout: float = 0.2
    lower: bool = False
    min_count: int = 1
    optimizer: Literal["adagrad", "adam", "adamw", "sgd"] = "adagrad"
    learning_rate: float = 0.05
    embedding_learning_rate: float | None = None
    final_learning_rate: float = 1.0
    l2: float = 1e-4
    embedding_l2: float = 0.0
    clip: float | None = None
    average: float = 0.0
    class_weights: Literal["balanced"] | None = None
    root_weight: float = 1.0
    label_smoothing: float = 0.0
    batch_size: int = 32
    max_nodes: int | None = None
    height_window: int = 1
    epochs: int = 30
    patience: int | None = 8
    metric: Metric = "root_accuracy"
    seeds: int = 1
    precision: Literal["float32", "bfloat16", "float64"] = "float32"
    device: str = "cpu"
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("input_size", "hidden_size", "rank", "min_count", "batch_size"):
            _check(self, name, lambda value: value >= 1, "at least 1")
        for name in ("max_nodes", "height_window", "epochs", "patience"):
            _check(self, name, lambda value: value >= 1, "at least 1")
        for name in ("seeds", "threads"):
            _check(self, name, lambda value: value >= 1, "at least 1")
        for name in ("input_dropout", "state_dropout", "output_dropout", "average"):
            _check(self, name, lambda value: 0 <= value < 1, "in [0, 1)")
        for name in ("learning_rate", "embedding_learning_rate", "clip"):
            _check(self, name, lambda value: value > 0, "above 0")
        for name in ("l2", "embedding_l2", "root_weight", "embedding_std"):
            _check(self, name, lambda value: value >= 0, "0 or more")
        _check(self, "label_smoothing", lambda value: 0 <= value < 1, "in [0, 1)")
        _check(self, "final_learning_rate", lambda v: 0 <= v <= 1, "in [0, 1]")
        if self.model not in get_args(ModelName):
            raise RunError(
                f"model must be one of {', '.join(get_args(ModelName))}, "
                f"got {self.model!r}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain values for JSON or YAML."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> Config:
        """Make settings of plain values.

        Raises:
            RunError: a setting that does not exist, or has a value it cannot have.
        """
        known = {field.name for field in fields(cls)}
        unknown = [name for name in settings if name not in known]
        if unknown:
            raise RunError(
                f"there is no setting {unknown[0]!r}. The settings are "
                f"{', '.join(sorted(known))}."
            )
        return cls(**settings)


def _check(config: Config, name: str, holds: Any, wanted: str) -> None:
    value = getattr(config, name)
    if value is not None and not (value == value and holds(value)):  # NaN != NaN
        raise RunError(f"{name} must be {wanted}, got {value}.")
