"""Models by the names of the settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch

from treefold import cells
from treefold.data.datasets import Dataset
from treefold.models.classifier import NodeClassifier
from treefold.models.deep import DeepRecursive, deep_cell
from treefold.training.config import Config
from treefold.training.errors import RunError

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.float32,  # weights stay whole; only products are shortened
    "float64": torch.float64,
}


def usable_device(name: str) -> torch.device:
    """Return a device of this machine.

    Raises:
        RunError: there is no device of that name.
    """
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        why = str(error).splitlines()[0]
        raise RunError(
            f"device {name!r} cannot be used: {why}. Take cpu, cuda or cuda:N."
        ) from None
    return device


def build_cell(config: Config, arity: int) -> cells.Cell[Any]:
    """Make the cell that `config.model` names, for trees of so many children."""
    I, H, K = config.input_size, config.hidden_size, max(arity, 1)  # noqa: E741
    if config.model == "rnn":
        return cells.RecursiveCell(H, H, arity=K)
    if config.model == "deep-rnn":
        return deep_cell(I, H, arity=K, activation=config.activation)
    if config.model == "rntn":
        return cells.RNTNCell(H, H, arity=K)
    if config.model == "mv-rnn":
        if arity > 2:
            raise RunError(
                f"mv-rnn composes two children, but the trees have up to {arity}. "
                "Take another model, or binarize the trees."
            )
        return cells.MVRNNCell(H, rank=config.rank)
    if config.model == "tree-lstm":
        return cells.NaryTreeLSTMCell(I, H, arity=K)
    if config.model == "child-sum-tree-lstm":
        return cells.ChildSumTreeLSTMCell(I, H)
    if config.model == "tree-gru":
        return cells.NaryTreeGRUCell(I, H, arity=K)
    if config.model == "gated":
        return cells.GatedRecursiveCell(I, H, arity=K)
    if config.model == "pooled":
        return cells.PooledCell(I, H)
    return cells.ChildSumTreeGRUCell(I, H)


def build_model(
    config: Config,
    *,
    num_tokens: int,
    num_classes: int,
    arity: int,
    class_weights: torch.Tensor | None = None,
) -> NodeClassifier:
    """Make the model that the settings describe, with random weights."""
    device = usable_device(config.device)
    model = NodeClassifier(
        _net(config, arity),
        num_tokens,
        num_classes,
        embedding_std=config.embedding_std,
        input_dropout=config.input_dropout,
        state_dropout=config.state_dropout,
        output_dropout=config.output_dropout,
        class_weights=class_weights,
        root_weight=config.root_weight,
        label_smoothing=config.label_smoothing,
        share=config.share,
    )
    return model.to(device, DTYPES[config.precision])


def _net(config: Config, arity: int) -> cells.Cell[Any] | DeepRecursive:
    """Make the cell, or the passes of several."""
    passes = config.passes.split()
    if passes == ["up"]:
        return build_cell(config, arity)
    return DeepRecursive(
        lambda size: build_cell(replace(config, input_size=size), arity),
        config.input_size,
        passes,  # type: ignore[arg-type]  # the settings were checked
        arity=max(arity, 1),
        leaf_weights=config.leaf_weights,
        dropout=config.pass_dropout,
        state_dropout=config.state_dropout,
    )


def balanced_weights(dataset: Dataset) -> torch.Tensor:
    """Weigh each class by the inverse of its share of the training labels, (C,)."""
    label = torch.from_numpy(dataset.train.label[dataset.train.label >= 0]).long()
    count = torch.bincount(label, minlength=len(dataset.classes))
    return len(label) / (count.clamp(min=1) * len(dataset.classes))
