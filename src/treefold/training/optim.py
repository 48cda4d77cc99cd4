"""Optimizers: one for the vectors, which steps on few rows, and one for the rest."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

from treefold.training.bounds import clip_norm_, clip_value_, norm_of
from treefold.training.rows import RowAdagrad, RowAdam, RowSGD, distinct
from treefold.training.settings import Settings

DENSE = {
    "adagrad": torch.optim.Adagrad,
    "sgd": torch.optim.SGD,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
}
BY_ROW = {"adagrad": RowAdagrad, "sgd": RowSGD, "adam": RowAdam, "adamw": RowAdam}


@final
class Optimizer:
    """Steps for a model's weights, and for those vectors that a batch touched.

    The gradients of an ``nn.Embedding(sparse=True)`` are sparse: a dense step over a
    whole vocabulary costs more than a small batch's forward and backward. Their weight
    decay therefore acts on the rows that a batch touches, and with Adam so do the
    moments; see
    `treefold.training.rows`.

    Args:
        model: whose weights to follow.
        config: rates, decay, clipping.
    """

    def __init__(self, model: nn.Module, config: Settings):
        self.config = config
        self.tables = [
            module.weight
            for module in model.modules()
            if isinstance(module, nn.Embedding) and module.sparse
        ]
        apart = {id(table) for table in self.tables}
        self.rest = [
            p for p in model.parameters() if p.requires_grad and id(p) not in apart
        ]
        # On the CPU one pass over memory, where torch's default takes several; on a GPU
        # the default runs all weights at once, and is there in every version of torch.
        on_cpu = all(p.device.type == "cpu" for p in self.rest)
        self.dense = DENSE[config.optimizer](
            self.rest,
            config.learning_rate,
            weight_decay=config.l2,
            fused=True if on_cpu else None,
        )
        self.by_row = [BY_ROW[config.optimizer](table) for table in self.tables]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for p in (*self.rest, *self.tables):
            p.grad = None

    @torch.no_grad()
    def step(self, progress: float) -> float:
        """Clip, decay and step; `progress` is the share of training that is done.

        Returns:
            The norm of the gradient before it was clipped. Where it is not finite the
            weights are left as they are.
        """
        config = self.config
        left = 1 - (1 - config.final_learning_rate) * progress
        touched = [
            None if table.grad is None else distinct(table.grad)
            for table in self.tables
        ]
        dense = [p.grad for p in self.rest if p.grad is not None]
        gradients = [*dense, *(found[1] for found in touched if found)]
        norm = norm_of(gradients)
        if not math.isfinite(norm):
            return norm
        if config.clip_value is not None:
            clip_value_(gradients, config.clip_value)
        if config.clip is not None:
            clip_norm_(gradients, config.clip)
        self.dense.param_groups[0]["lr"] = config.learning_rate * left
        self.dense.step()
        rate = config.embedding_learning_rate or config.learning_rate
        for table, by_row, found in zip(self.tables, self.by_row, touched, strict=True):
            if found is None:
                continue
            rows, values = found
            if config.embedding_l2:
                values.add_(table.index_select(0, rows), alpha=config.embedding_l2)
            by_row.step(rows, values, rate * left)
        return norm

    def state(self) -> dict[str, Tensor]:
        """Return all that the steps remember, by name."""
        found = {
            f"rows.{number}.{name}": value
            for number, by_row in enumerate(self.by_row)
            for name, value in by_row.memory.items()
        }
        for index, values in self.dense.state_dict()["state"].items():
            for name, value in values.items():
                if value is not None:  # SGD's momentum, which is none
                    found[f"dense.{index}.{name}"] = value
        return found

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        mine: dict[int, dict[str, Tensor]] = {}
        for key, value in state.items():
            part, index, name = key.split(".")
            if part == "rows":
                self.by_row[int(index)].memory[name].copy_(value)
            else:
                mine.setdefault(int(index), {})[name] = value
        self.dense.load_state_dict({**self.dense.state_dict(), "state": mine})
