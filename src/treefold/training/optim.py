"""Optimizers: vectors apart from the rest, with sparse gradients and lazy decay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from treefold.models.classifier import NodeClassifier
from treefold.training.config import Config


@final
class Optimizer:
    """Steps for a model's weights, and for those vectors that a batch touched.

    The vectors' gradients are sparse: a dense step over a whole vocabulary costs more
    than a small batch's forward and backward. Their weight decay therefore acts on the
    rows that a batch touches, and with Adam so do the moments (``SparseAdam``).

    Args:
        model: whose weights to follow.
        config: rates, decay, clipping.
    """

    def __init__(self, model: NodeClassifier, config: Config):
        self.config = config
        self.table = model.embedding.weight
        self.rest = [p for p in model.parameters() if p is not self.table]
        rate = config.learning_rate
        table_rate = config.embedding_learning_rate or rate
        self.parts: list[torch.optim.Optimizer]
        if config.optimizer == "adagrad":
            self.parts = [
                torch.optim.Adagrad(self.rest, rate),
                torch.optim.Adagrad([self.table], table_rate),
            ]
        elif config.optimizer == "sgd":
            self.parts = [
                torch.optim.SGD(self.rest, rate),
                torch.optim.SGD([self.table], table_rate),
            ]
        elif config.optimizer == "adam":
            self.parts = [
                torch.optim.Adam(self.rest, rate),
                torch.optim.SparseAdam([self.table], table_rate),
            ]
        else:
            self.parts = [
                torch.optim.AdamW(self.rest, rate, weight_decay=config.l2),
                torch.optim.SparseAdam([self.table], table_rate),
            ]
        self.rates = [rate, table_rate]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self.parts:
            part.zero_grad()

    @torch.no_grad()
    def step(self, progress: float) -> None:
        """Clip, decay and step; `progress` is the share of training that is done."""
        config = self.config
        left = 1 - (1 - config.final_learning_rate) * progress
        for part, rate in zip(self.parts, self.rates, strict=True):
            part.param_groups[0]["lr"] = rate * left

        gradient = self.table.grad
        if gradient is not None:
            gradient = self.table.grad = gradient.coalesce()
        if config.clip is not None:
            _clip([*self.rest, self.table], config.clip)
        if config.l2 and config.optimizer != "adamw":
            for p in self.rest:
                if p.grad is not None:
                    p.grad.add_(p, alpha=config.l2)
        if config.embedding_l2 and gradient is not None:
            rows = self.table.index_select(0, gradient.indices()[0])
            gradient.values().add_(rows, alpha=config.embedding_l2)
        with torch.sparse.check_sparse_tensor_invariants(False):
            for part in self.parts:
                part.step()

    def state(self) -> dict[str, Tensor]:
        """Return all that the steps remember, by name."""
        found = {}
        for number, part in enumerate(self.parts):
            for index, values in part.state_dict()["state"].items():
                for name, value in values.items():
                    found[f"{number}.{index}.{name}"] = torch.as_tensor(value)
        return found

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        for number, part in enumerate(self.parts):
            mine: dict[int, dict[str, Tensor | int]] = {}
            for key, value in state.items():
                which, index, name = key.split(".")
                if int(which) == number:
                    whole = name == "step" and isinstance(part, torch.optim.SparseAdam)
                    mine.setdefault(int(index), {})[name] = (
                        int(value) if whole else value
                    )
            part.load_state_dict({**part.state_dict(), "state": mine})


def _clip(parameters: Sequence[Tensor], largest: float) -> None:
    """Scale the gradients so that their common norm is at most `largest`."""
    values = [
        p.grad.values() if p.grad.is_sparse else p.grad
        for p in parameters
        if p.grad is not None
    ]
    norm = torch.linalg.vector_norm(torch.stack([v.norm() for v in values]))
    scale = (largest / (norm + 1e-6)).clamp(max=1)
    for value in values:
        value.mul_(scale)
