"""The settings of a model of documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, final

from treefold.training.settings import Settings


@final
@dataclass(frozen=True, kw_only=True)
class DocumentsConfig(Settings):
    """Settings of a model of documents, and of its training.

    What is None is chosen by the number of training documents, and then written into
    the run; see `treefold.training.document_defaults`.

    Attributes:
        target: the field to be told, which is taken out of each record; dots lead into
            records inside, as in user.country. Of a table, the column.
        goal: classify the documents, regress numbers, or classify their nodes; auto
            is what the targets look like.
        format: how the documents are written; auto goes by the files' names.
        column: of a table, the column that holds the documents.
        group: the field or column whose equal values stay in one split.
        ordered: whether the order of children matters; auto leaves that to the format.
        strict: stop at what cannot be read, where otherwise it is left out and counted.
        schema: file of a schema to use, as treefold data writes it; else it is learned.
        buckets: features that the pieces of texts share.
        spelling: whether texts are also seen by their beginnings, ends and capitals;
            auto is where nodes are told, whose own words tell most of them.
        model: which cell is folded; max-sum sees the maximum of the
            children beside their sum; pooled takes mean, maximum and phase.
        passes: directions in which it is folded, such as "up down".
        readout: what is read of a document: its root, or all states beside it; of a
            node: its state, or all that it carries beside it.
        hidden_size: features of a node's state.
        input_size: features of a content's vector.
        input_dropout: share of a vector's features dropped in training.
        state_dropout: share of the features of a child's state that are dropped.
        output_dropout: share of what is read that is dropped.
        balance: weigh classes in the loss so that each counts alike.
        label_smoothing: share of a target spread over all classes.
        share: fold equal subtrees of a batch once.
    """

    target: str | None = None
    goal: Literal["auto", "classify", "regress", "nodes"] = "auto"
    format: str = "auto"
    column: str | None = None
    group: str | None = None
    ordered: Literal["auto", "yes", "no"] = "auto"
    strict: bool = False
    schema: str | None = None
    buckets: int = 4096
    spelling: Literal["auto", "yes", "no"] = "auto"
    model: Literal[
        "child-sum-tree-lstm",
        "max-sum-tree-lstm",
        "child-sum-tree-gru",
        "pooled",
        "child-sum-rnn",
    ] = "child-sum-tree-lstm"
    passes: str = "up"
    readout: Literal["root", "all"] = "all"
    hidden_size: int | None = None
    input_size: int | None = None
    input_dropout: float | None = None
    state_dropout: float = 0.0
    output_dropout: float | None = None
    balance: bool = False
    label_smoothing: float = 0.0
    share: bool = False
    optimizer: Literal["adagrad", "adam", "adamw", "sgd"] = "adamw"
    learning_rate: float | None = None  # type: ignore[assignment]
    final_learning_rate: float = 0.05
    l2: float = 0.01
    average: float | None = None  # type: ignore[assignment]
    clip: float | None = 1.0
    batch_size: int | None = None  # type: ignore[assignment]
    epochs: int | None = None  # type: ignore[assignment]
    patience: int | None = 12

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check(
            "at least 1",
            lambda value: value >= 1,
            "hidden_size",
            "input_size",
            "buckets",
        )
        shares = ("input_dropout", "state_dropout", "output_dropout")
        self.check("in [0, 1)", lambda value: 0 <= value < 1, "label_smoothing")
        self.check("in [0, 1)", lambda value: 0 <= value < 1, *shares)

    @property
    def order(self) -> bool | None:
        """Whether the order of children matters; None leaves it to the format."""
        return {"yes": True, "no": False}.get(self.ordered)

    @property
    def reading(self) -> dict[str, Any]:
        """How documents are read, as `treefold.data.document_sets` takes it."""
        names = ("target", "goal", "format", "column", "group")
        return {name: getattr(self, name) for name in names} | {"ordered": self.order}
