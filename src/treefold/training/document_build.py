"""A model of documents by the names of the settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from treefold import cells
from treefold.data.documents import Goal
from treefold.data.schema import Schema
from treefold.models.content import ContentEncoder
from treefold.models.deep import DeepRecursive, check_passes
from treefold.models.document import DocumentModel, Readout
from treefold.training.errors import RunError


class ModelSettings(Protocol):
    """The settings that say what a model is; see `DocumentsConfig`."""

    @property
    def model(self) -> str: ...
    @property
    def passes(self) -> str: ...
    @property
    def readout(self) -> Readout: ...
    @property
    def hidden_size(self) -> int | None: ...
    @property
    def input_size(self) -> int | None: ...
    @property
    def input_dropout(self) -> float | None: ...
    @property
    def state_dropout(self) -> float: ...
    @property
    def output_dropout(self) -> float | None: ...
    @property
    def label_smoothing(self) -> float: ...
    @property
    def share(self) -> bool: ...


def document_model(
    config: ModelSettings,
    schema: Schema,
    goal: Goal,
    sizes: Sequence[int],
    class_weights: Tensor | None = None,
) -> DocumentModel:
    """Make the model that the settings describe, with random weights.

    Args:
        config: all chosen.
        schema: says what features there are.
        goal: what is told,
        sizes: and the classes of each output, or 1 for a number.
        class_weights: see `DocumentModel`.

    Raises:
        RunError: passes that there are not.
    """
    encoder = ContentEncoder(schema.num_features, _chosen(config.input_size))
    return DocumentModel(
        encoder,
        _net(config, encoder.size),
        goal,
        sizes,
        readout=config.readout,
        input_dropout=config.input_dropout or 0.0,
        state_dropout=config.state_dropout,
        output_dropout=config.output_dropout or 0.0,
        class_weights=class_weights,
        label_smoothing=config.label_smoothing,
        share=config.share,
    )


def _net(config: ModelSettings, input_size: int) -> cells.Cell[Any] | DeepRecursive:
    """Make the cell, or the passes of several."""
    hidden = _chosen(config.hidden_size)

    def cell(size: int) -> cells.Cell[Any]:
        if config.model == "max-sum-tree-lstm":
            return cells.MaxSumTreeLSTMCell(size, hidden)
        if config.model == "pooled":
            return cells.PooledCell(size, hidden)
        if config.model == "child-sum-tree-gru":
            return cells.ChildSumTreeGRUCell(size, hidden)
        if config.model == "child-sum-rnn":
            return cells.RecursiveCell(size, hidden, arity=None, input="affine")
        return cells.ChildSumTreeLSTMCell(size, hidden)

    passes = config.passes.split()
    try:
        check_passes(passes)
    except ValueError as error:
        raise RunError(str(error)) from None
    if passes == ["up"]:
        return cell(input_size)
    return DeepRecursive(
        cell,
        input_size,
        passes,  # type: ignore[arg-type]
        dropout=config.output_dropout or 0.0,
        state_dropout=config.state_dropout,
    )


def _chosen(value: int | None) -> int:
    assert value is not None, "sizes are chosen before a model is made"
    return value
