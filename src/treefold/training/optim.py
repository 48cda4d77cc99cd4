"""Optimizers: one for the vectors, which steps on few rows, and one for the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from treefold.models.classifier import NodeClassifier
from treefold.training.config import Config
from treefold.training.rows import RowAdagrad, RowAdam, RowSGD, distinct

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

    The vectors' gradients are sparse: a dense step over a whole vocabulary costs more
    than a small batch's forward and backward. Their weight decay therefore acts on the
    rows that a batch touches, and with Adam so do the moments; see
    `treefold.training.rows`.

    Args:
        model: whose weights to follow.
        config: rates, decay, clipping.
    """

    def __init__(self, model: NodeClassifier, config: Config):
        self.config = config
        self.table = model.embedding.weight
        self.rest = [p for p in model.parameters() if p is not self.table]
        # On the CPU one pass over memory, where torch's default takes several; on a GPU
        # the default runs all weights at once, and is there in every version of torch.
        fused = True if self.table.device.type == "cpu" else None
        self.dense = DENSE[config.optimizer](
            self.rest, config.learning_rate, weight_decay=config.l2, fused=fused
        )
        self.by_row = BY_ROW[config.optimizer](self.table)

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for p in (*self.rest, self.table):
            p.grad = None

    @torch.no_grad()
    def step(self, progress: float) -> None:
        """Clip, decay and step; `progress` is the share of training that is done."""
        config = self.config
        left = 1 - (1 - config.final_learning_rate) * progress
        touched = None if self.table.grad is None else distinct(self.table.grad)
        if config.clip is not None:
            dense = [p.grad for p in self.rest if p.grad is not None]
            _clip([*dense, touched[1]] if touched else dense, config.clip)
        self.dense.param_groups[0]["lr"] = config.learning_rate * left
        self.dense.step()
        if touched is not None:
            rows, values = touched
            if config.embedding_l2:
                values.add_(self.table.index_select(0, rows), alpha=config.embedding_l2)
            rate = config.embedding_learning_rate or config.learning_rate
            self.by_row.step(rows, values, rate * left)

    def state(self) -> dict[str, Tensor]:
        """Return all that the steps remember, by name."""
        found = {f"rows.{name}": value for name, value in self.by_row.memory.items()}
        for index, values in self.dense.state_dict()["state"].items():
            for name, value in values.items():
                if value is not None:  # SGD's momentum, which is none
                    found[f"dense.{index}.{name}"] = value
        return found

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        mine: dict[int, dict[str, Tensor]] = {}
        for key, value in state.items():
            part, name = key.split(".", 1)
            if part == "rows":
                self.by_row.memory[name].copy_(value)
            else:
                index, name = name.split(".")
                mine.setdefault(int(index), {})[name] = value
        self.dense.load_state_dict({**self.dense.state_dict(), "state": mine})


def _clip(gradients: Sequence[Tensor], largest: float) -> None:
    """Scale the gradients so that their common norm is at most `largest`."""
    norm = torch.linalg.vector_norm(torch.stack([g.norm() for g in gradients]))
    scale = (largest / (norm + 1e-6)).clamp(max=1)
    for gradient in gradients:
        gradient.mul_(scale)
