"""Treefold by its public names: NodeClassifier, collate, Optimizer.

``shipped`` folds the cell that ships; ``own-cell`` one that a user wrote, which takes
the path that serves any cell.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

import treefold
from peers.protocol import RATE, Check, Corpus, Engine, Weights, serve
from treefold.cells import (
    Cell,
    Children,
    ChildSumTreeLSTMCell,
    LSTMState,
    NaryTreeLSTMCell,
)
from treefold.data.batching import collate
from treefold.data.corpus import Corpus as Trees
from treefold.models import NodeClassifier
from treefold.training.config import Config
from treefold.training.optim import Optimizer


class OwnCell(Cell[LSTMState]):
    """A binary Tree-LSTM as a user would write it, with the names of the shipped one.

    Its input belongs to leaves only, as in the other engines.
    """

    max_arity = 2

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__(input_size, hidden_size)
        H = hidden_size
        self.weight_ih = torch.nn.Parameter(torch.empty(4 * H, input_size))
        self.weight_hh = torch.nn.Parameter(torch.empty(5 * H, 2 * H))
        self.bias = torch.nn.Parameter(torch.empty(4 * H))

    def project(self, x: Tensor) -> Tensor:
        return x @ self.weight_ih.T

    def zeros(self, num_nodes: int, like: Tensor) -> LSTMState:
        zeros = like.new_zeros(num_nodes, self.hidden_size)
        return LSTMState(zeros, zeros)

    def forward(self, x: Tensor, children: Children[LSTMState]) -> LSTMState:
        H = self.hidden_size
        iuo, f = (x + self.bias).split([3 * H, H], dim=-1)
        kept = 0
        if len(children):
            h, c = children.slots(2)  # (N, 2, H) each
            gates = h.flatten(1) @ self.weight_hh.T
            iuo = iuo + gates[:, : 3 * H]
            forget = torch.sigmoid(f[:, None] + gates[:, 3 * H :].unflatten(1, (2, H)))
            kept = (forget * c).sum(dim=1)
        i, u, o = iuo.chunk(3, dim=-1)
        c = torch.sigmoid(i) * torch.tanh(u) + kept
        return LSTMState(torch.sigmoid(o) * torch.tanh(c), c)


CELLS = {"shipped": NaryTreeLSTMCell, "own-cell": OwnCell, "sum": ChildSumTreeLSTMCell}


class Treefold(Engine):
    """NodeClassifier over one of the cells."""

    def __init__(self, corpus: Corpus, weights: Weights):
        del corpus  # the same trees, as treefold packs them
        self.trees = Trees.open(Path(sys.argv[1]) / "trees")
        kind = sys.argv[2]
        classes, hidden = weights["output"].shape
        tokens, features = weights["embedding"].shape
        cell = CELLS[kind](features, hidden)
        self.model = NodeClassifier(cell, tokens, classes)
        self.given = {
            "embedding": self.model.embedding.weight,
            "weight_ih": cell.weight_ih,
            "weight_hh": cell.weight_hh,
            "bias": cell.bias,
            "output": self.model.output.weight,
        }
        prefix = "sum_" if kind == "sum" else ""
        with torch.no_grad():
            for name, parameter in self.given.items():
                given = weights.get(prefix + name, weights[name])
                parameter.copy_(torch.from_numpy(given))
        config = Config(optimizer="adagrad", learning_rate=RATE, l2=0.0)
        self.optimizer = Optimizer(self.model, config)

    def train(self, trees: np.ndarray) -> None:
        self.model.loss(collate(self.trees, trees)).backward()
        self.optimizer.step(0.0)
        self.optimizer.zero_grad()

    @torch.no_grad()
    def infer(self, trees: np.ndarray) -> Tensor:
        return self.model(collate(self.trees, trees))

    def check(self, trees: np.ndarray) -> Check:
        batch = collate(self.trees, trees)
        roots = self.model.states(batch)[batch.forest.roots]
        loss = self.model.loss(batch)
        loss.backward()
        norms = {}
        for name in ("weight_ih", "weight_hh", "embedding"):
            gradient = self.given[name].grad
            dense = gradient.to_dense() if gradient.is_sparse else gradient
            norms[name] = float(dense.norm())
        self.optimizer.zero_grad()
        return Check(loss.item(), roots.detach().numpy(), norms)


if __name__ == "__main__":
    versions = {"torch": torch.__version__, "treefold": treefold.__version__}
    serve(Treefold, versions)
