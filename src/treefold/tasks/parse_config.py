"""Settings of a parser and of its training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from treefold.training.settings import Settings


@final
@dataclass(frozen=True, kw_only=True)
class ParseConfig(Settings):
    """Settings of a recursive net that parses, and of its training.

    Attributes:
        search: how trees are found that are measured as f1, and printed: the best of a
            chart's list, or merging without a grammar, greedy or by beam.
        hidden_size: features of a phrase.
        context_size: features of the LSTM that reads the words, in each direction.
        score_size: features between a phrase and its score.
        word_size: features of a word's vector.
        spelling_size: features of a word's spelling; 0 leaves it out.
        buckets: how many vectors the parts of spellings are hashed to.
        min_count: words that occur less often in training are unknown.
        word_dropout: share of words taken for unknown in training.
        vectors: file of pretrained word vectors (GloVe's text format) to begin with.
        dropout: share of the features of words and phrases dropped in training.
        loss: softmax lets a whole list of trees teach; margin only the worst of it.
        margin: what a wrong bracket costs.
        merging: weight of what is learned by merging; 0 leaves it out.
        learning_beam: sets of pieces kept in the search for wrong trees; 1 is greedy.
        beam: sets of pieces kept where merging is measured by beam.
        candidates: trees of a sentence that the grammar lists.
        horizontal: brothers that the grammar's symbols know.
        parent: whether the grammar's symbols know their parent.
        folds: parts of the training data, each listed by a grammar of the others.
        longest: words of a training sentence at most.
        threshold: nats that a symbol may be worse than the best tree before the coarse
            grammar rules it out.
        metric: what chooses the epoch and the seed on dev.
    """

    search: Literal["chart", "beam", "greedy"] = "chart"
    hidden_size: int = 50
    context_size: int = 100
    score_size: int = 100
    word_size: int = 50
    spelling_size: int = 50
    buckets: int = 8192
    min_count: int = 2
    word_dropout: float = 0.1
    vectors: str | None = None
    dropout: float = 0.3
    loss: Literal["softmax", "margin"] = "softmax"
    margin: float = 0.3
    merging: float = 0.5
    learning_beam: int = 1
    beam: int = 8
    candidates: int = 50
    horizontal: int = 2
    parent: bool = True
    folds: int = 10
    longest: int = 40
    threshold: float = 10.0
    optimizer: Literal["adagrad", "adam", "adamw", "sgd"] = "adam"
    learning_rate: float = 1e-3
    clip: float | None = 5.0
    epochs: int = 12
    patience: int | None = None
    metric: Literal["f1", "f1_greedy", "exact"] = "f1"

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("hidden_size", "context_size", "score_size", "word_size", "buckets")
        self.check("at least 1", lambda value: value >= 1, *sizes, "min_count")
        self.check("at least 1", lambda value: value >= 1, "longest")
        self.check(
            "at least 1", lambda v: v >= 1, "learning_beam", "beam", "candidates"
        )
        self.check("0 or more", lambda v: v >= 0, "spelling_size", "horizontal")
        self.check("0 or more", lambda v: v >= 0, "margin", "merging")
        self.check("at least 2", lambda value: value >= 2, "folds")
        self.check("above 0", lambda value: value > 0, "threshold")
        self.check("in [0, 1)", lambda v: 0 <= v < 1, "dropout", "word_dropout")
        if self.search != "chart" and not self.merging:
            self.check(
                f"above 0 where search is {self.search}", lambda v: v > 0, "merging"
            )
