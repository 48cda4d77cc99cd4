"""Settings of the task of reasoning by association and dissociation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

from treefold.training.errors import RunError
from treefold.training.settings import Settings


@final
@dataclass(frozen=True, kw_only=True)
class ReasonConfig(Settings):
    """Settings of a reasoner and its training.

    Attributes:
        lower: lower-case words.
        min_count: words that occur less often in training are unknown.
        most_words: the vocabulary has at most so many; null: all.
        cell: the association: one layer, a tensor, or gates.
        hidden_size: features of a representation, of a word or of a phrase.
        embedding_std: deviation of the words' vectors at the start.
        dropout: probability to drop a feature of a word's vector in sentences whose
            phrases or classes are learned.
        reach: words of a window on each side of the one that is replaced.
        structure: what trees the windows are read by; found are the model's own.
        loss: of ranking a window above the same with a word replaced.
        ranking: share of that loss.
        dissociation: share of the loss of taking associations apart.
        phrases: share of the loss of telling associations from overlaps with known
            phrases, where sentences have trees.
        labels: share of the loss of telling a sentence's class, where it has one.
        sentence_structure: what trees sentences are read by to tell their class.
        taught: sentences in a batch whose phrases or classes are learned from.
        per_word: what is taken off the saliency of an association for each of its
            words, where structures are built.
        beam: width of the beam that structures are also built by.
        built_by: what builds the structures that are predicted and drawn.
        rivals: train what ranks windows without a structure, too.
        batch_size: windows in a batch.
        metric: what chooses the epoch on dev; auto is the class, the phrases, or the
            ranking, the first of these that is learned.
    """

    lower: bool = True
    min_count: int = 1
    most_words: int | None = None
    cell: Literal["rnn", "rntn", "gated"] = "rnn"
    hidden_size: int = 64
    embedding_std: float = 0.5
    dropout: float = 0.0
    reach: int = 2
    structure: Literal["found", "random", "left", "right", "balanced"] = "random"
    loss: Literal["hinge", "logistic"] = "logistic"
    ranking: float = 1.0
    dissociation: float = 0.3
    phrases: float = 0.0
    labels: float = 0.0
    sentence_structure: Literal[
        "found", "given", "random", "left", "right", "balanced"
    ] = "found"
    taught: int = 32
    per_word: float = 0.0
    beam: int = 8
    built_by: Literal["greedy", "beam"] = "beam"
    rivals: bool = True
    metric: Literal["auto", "ranking", "f1", "accuracy"] = "auto"
    learning_rate: float = 1e-2
    final_learning_rate: float = 0.05
    clip: float | None = 5.0
    batch_size: int = 1024
    epochs: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        sizes = ("min_count", "most_words", "hidden_size", "reach", "taught", "beam")
        self.check("at least 1", lambda value: value >= 1, *sizes)
        shares = ("ranking", "dissociation", "phrases", "labels")
        self.check("0 or more", lambda value: value >= 0, *shares, "embedding_std")
        self.check("0 or more", lambda value: value >= 0, "per_word")
        self.check("in [0, 1)", lambda value: 0 <= value < 1, "dropout")
        if not any(getattr(self, share) for share in shares):
            raise RunError(
                "ranking, dissociation, phrases and labels are all 0: there is nothing "
                "to learn. Give one of them a share above 0."
            )

    @property
    def chosen_by(self) -> str:
        """The metric that chooses the epoch."""
        if self.metric != "auto":
            return self.metric
        if self.labels:
            return "accuracy"
        return "f1" if self.phrases else "ranking"
